// Heads of 32 columns for stream_subgroup.wgsl: 8 chunks of queries and keys, and the chunk of the totals that a lane
// owns. Written out, because loops over registers would not be unrolled.

struct Queries {
    c0: Eight,
    c1: Eight,
    c2: Eight,
    c3: Eight,
    c4: Eight,
    c5: Eight,
    c6: Eight,
    c7: Eight,
}

struct Totals {
    c0: Eight,
}

fn load_queries(row: u32, head: u32) -> Queries {
    return Queries(
        spread(query_chunk(row, head, 0u)),
        spread(query_chunk(row, head, 1u)),
        spread(query_chunk(row, head, 2u)),
        spread(query_chunk(row, head, 3u)),
        spread(query_chunk(row, head, 4u)),
        spread(query_chunk(row, head, 5u)),
        spread(query_chunk(row, head, 6u)),
        spread(query_chunk(row, head, 7u)),
    );
}

fn products_of(queries: Queries, row: u32, head: u32) -> Eight {
    var products = Eight();
    products = add_products(products, queries.c0, key_chunk(row, head, 0u));
    products = add_products(products, queries.c1, key_chunk(row, head, 1u));
    products = add_products(products, queries.c2, key_chunk(row, head, 2u));
    products = add_products(products, queries.c3, key_chunk(row, head, 3u));
    products = add_products(products, queries.c4, key_chunk(row, head, 4u));
    products = add_products(products, queries.c5, key_chunk(row, head, 5u));
    products = add_products(products, queries.c6, key_chunk(row, head, 6u));
    products = add_products(products, queries.c7, key_chunk(row, head, 7u));
    return products;
}

fn shrunk(totals: Totals, by: Numbers) -> Totals {
    return Totals(scaled(totals.c0, by));
}

fn add_values(totals: Totals, weights: Numbers, row: u32, head: u32, lane: u32) -> Totals {
    return Totals(add_scaled(totals.c0, weights, value_chunk(row, head, lane)));
}

fn write_totals(totals: Totals, weights: Numbers, row: u32, count: u32, head: u32, lane: u32) {
    let place = (row * params.heads + head) * params.head_width + lane;
    write_rows(totals.c0, weights, place, count);
}
