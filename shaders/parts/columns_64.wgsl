// Heads of 64 columns for stream_subgroup.wgsl: eight columns a lane.
// Written out, because loops over registers would not be unrolled.

struct Queries {
    c0: Eight,
    c1: Eight,
    c2: Eight,
    c3: Eight,
    c4: Eight,
    c5: Eight,
    c6: Eight,
    c7: Eight,
    c8: Eight,
    c9: Eight,
    c10: Eight,
    c11: Eight,
    c12: Eight,
    c13: Eight,
    c14: Eight,
    c15: Eight,
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
        spread(query_chunk(row, head, 8u)),
        spread(query_chunk(row, head, 9u)),
        spread(query_chunk(row, head, 10u)),
        spread(query_chunk(row, head, 11u)),
        spread(query_chunk(row, head, 12u)),
        spread(query_chunk(row, head, 13u)),
        spread(query_chunk(row, head, 14u)),
        spread(query_chunk(row, head, 15u)),
    );
}

fn products_of(queries: Queries, row: u32, head: u32) -> Eight {
    var sum = Eight();
    let k0 = key_pair(row, head, 0u);
    sum = add_products(add_products(sum, queries.c0, k0.low), queries.c1, k0.high);
    let k1 = key_pair(row, head, 1u);
    sum = add_products(add_products(sum, queries.c2, k1.low), queries.c3, k1.high);
    let k2 = key_pair(row, head, 2u);
    sum = add_products(add_products(sum, queries.c4, k2.low), queries.c5, k2.high);
    let k3 = key_pair(row, head, 3u);
    sum = add_products(add_products(sum, queries.c6, k3.low), queries.c7, k3.high);
    let k4 = key_pair(row, head, 4u);
    sum = add_products(add_products(sum, queries.c8, k4.low), queries.c9, k4.high);
    let k5 = key_pair(row, head, 5u);
    sum = add_products(add_products(sum, queries.c10, k5.low), queries.c11, k5.high);
    let k6 = key_pair(row, head, 6u);
    sum = add_products(add_products(sum, queries.c12, k6.low), queries.c13, k6.high);
    let k7 = key_pair(row, head, 7u);
    sum = add_products(add_products(sum, queries.c14, k7.low), queries.c15, k7.high);
    return sum;
}

// Adds eight keys' values from `row` on; past the `rest`, where weights are 0, the last row stands in.
fn add_block(totals: Totals, upper: vec4<f32>, lower: vec4<f32>, row: u32, rest: u32, head: u32, lane: u32) -> Totals {
    var sum = totals;
    let w0 = Numbers(subgroupBroadcast(upper, 0u), subgroupBroadcast(lower, 0u));
    sum = add_values(sum, w0, value_pair(row + min(0u, rest), head, lane));
    let w1 = Numbers(subgroupBroadcast(upper, 1u), subgroupBroadcast(lower, 1u));
    sum = add_values(sum, w1, value_pair(row + min(1u, rest), head, lane));
    let w2 = Numbers(subgroupBroadcast(upper, 2u), subgroupBroadcast(lower, 2u));
    sum = add_values(sum, w2, value_pair(row + min(2u, rest), head, lane));
    let w3 = Numbers(subgroupBroadcast(upper, 3u), subgroupBroadcast(lower, 3u));
    sum = add_values(sum, w3, value_pair(row + min(3u, rest), head, lane));
    let w4 = Numbers(subgroupBroadcast(upper, 4u), subgroupBroadcast(lower, 4u));
    sum = add_values(sum, w4, value_pair(row + min(4u, rest), head, lane));
    let w5 = Numbers(subgroupBroadcast(upper, 5u), subgroupBroadcast(lower, 5u));
    sum = add_values(sum, w5, value_pair(row + min(5u, rest), head, lane));
    let w6 = Numbers(subgroupBroadcast(upper, 6u), subgroupBroadcast(lower, 6u));
    sum = add_values(sum, w6, value_pair(row + min(6u, rest), head, lane));
    let w7 = Numbers(subgroupBroadcast(upper, 7u), subgroupBroadcast(lower, 7u));
    sum = add_values(sum, w7, value_pair(row + min(7u, rest), head, lane));
    return sum;
}

fn write_totals(totals: Totals, weights: Numbers, row: u32, count: u32, head: u32, lane: u32) {
    let place = (row * params.heads + head) * params.head_width + 2u * lane;
    write_rows(totals.low, weights, place, count);
    write_rows(totals.high, weights, place + 1u, count);
}
