// Heads of 32 columns for stream_subgroup.wgsl: lanes 0 to 3 own the columns of even keys, lanes 4 to 7 those of odd
// keys. Written out, because loops over registers would not be unrolled.

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
    var sum = Eight();
    let k0 = key_pair(row, head, 0u);
    sum = add_products(add_products(sum, queries.c0, k0.low), queries.c1, k0.high);
    let k1 = key_pair(row, head, 1u);
    sum = add_products(add_products(sum, queries.c2, k1.low), queries.c3, k1.high);
    let k2 = key_pair(row, head, 2u);
    sum = add_products(add_products(sum, queries.c4, k2.low), queries.c5, k2.high);
    let k3 = key_pair(row, head, 3u);
    sum = add_products(add_products(sum, queries.c6, k3.low), queries.c7, k3.high);
    return sum;
}

// Adds eight keys' values from `row` on; past the `rest`, where weights are 0, the last row stands in.
fn add_block(totals: Totals, upper: vec4<f32>, lower: vec4<f32>, row: u32, rest: u32, head: u32, lane: u32) -> Totals {
    let odd = lane / 4u;
    let own = lane % 4u;
    let half = vec4<bool>(odd == 1u);
    var sum = totals;
    let u0 = select(subgroupBroadcast(upper, 0u), subgroupBroadcast(upper, 1u), half);
    let l0 = select(subgroupBroadcast(lower, 0u), subgroupBroadcast(lower, 1u), half);
    sum = add_values(sum, Numbers(u0, l0), value_pair(row + min(0u + odd, rest), head, own));
    let u2 = select(subgroupBroadcast(upper, 2u), subgroupBroadcast(upper, 3u), half);
    let l2 = select(subgroupBroadcast(lower, 2u), subgroupBroadcast(lower, 3u), half);
    sum = add_values(sum, Numbers(u2, l2), value_pair(row + min(2u + odd, rest), head, own));
    let u4 = select(subgroupBroadcast(upper, 4u), subgroupBroadcast(upper, 5u), half);
    let l4 = select(subgroupBroadcast(lower, 4u), subgroupBroadcast(lower, 5u), half);
    sum = add_values(sum, Numbers(u4, l4), value_pair(row + min(4u + odd, rest), head, own));
    let u6 = select(subgroupBroadcast(upper, 6u), subgroupBroadcast(upper, 7u), half);
    let l6 = select(subgroupBroadcast(lower, 6u), subgroupBroadcast(lower, 7u), half);
    sum = add_values(sum, Numbers(u6, l6), value_pair(row + min(6u + odd, rest), head, own));
    return sum;
}

fn both(a: Eight) -> Eight {
    return Eight(
        a.r0 + subgroupShuffleXor(a.r0, 4u),
        a.r1 + subgroupShuffleXor(a.r1, 4u),
        a.r2 + subgroupShuffleXor(a.r2, 4u),
        a.r3 + subgroupShuffleXor(a.r3, 4u),
        a.r4 + subgroupShuffleXor(a.r4, 4u),
        a.r5 + subgroupShuffleXor(a.r5, 4u),
        a.r6 + subgroupShuffleXor(a.r6, 4u),
        a.r7 + subgroupShuffleXor(a.r7, 4u),
    );
}

fn write_totals(totals: Totals, weights: Numbers, row: u32, count: u32, head: u32, lane: u32) {
    let place = (row * params.heads + head) * params.head_width + 2u * (lane % 4u);
    let low = both(totals.low);
    let high = both(totals.high);
    if lane >= 4u { return; }
    write_rows(low, weights, place, count);
    write_rows(high, weights, place + 1u, count);
}
