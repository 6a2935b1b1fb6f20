// Scores of eight queries and the lane's key: scale * (q . k + q . query_table[r] where QUERY_TERM + k . key_table[r]
// where KEY_TERM), r = buckets[i - j + max_length - 1].
//
// A table's row holds head_width columns for each head, or the same ones for all heads where table_head is 0.
//
// provides: first_carried, score_block;
// needs: Block, HEAD_VEC8S, HeadRow, LANES, Queries, Vec4x8, Vec8, Wide, add8, add_products, by_distance, by_query,
//   diagonals, load_key, params, products, scale8, sums8, vec8

@group(0) @binding(5) var<storage, read> query_table: array<Wide>; // [buckets, table_stride / 2]
@group(0) @binding(6) var<storage, read> key_table: array<Wide>; // [buckets, table_stride / 2]
@group(0) @binding(7) var<storage, read> buckets: array<u32>; // [2 max_length - 1]
override QUERY_TERM: bool;
override KEY_TERM: bool;

// What the lane's row of query_table gives with each query, and its row of key_table.
struct Carried { products: Vec8, row: HeadRow }
struct Scored { scores: Vec8, carried: Carried }

fn query_row(place: u32) -> HeadRow {
    return HeadRow(
        vec8(query_table[place + 0u]),
        vec8(query_table[place + 1u]),
        vec8(query_table[place + 2u]),
        vec8(query_table[place + 3u]),
        vec8(query_table[place + 4u]),
        vec8(query_table[place + 5u]),
        vec8(query_table[place + 6u]),
        vec8(query_table[place + 7u]),
        vec8(query_table[place + 8u]),
        vec8(query_table[place + 9u]),
        vec8(query_table[place + 10u]),
        vec8(query_table[place + 11u]),
        vec8(query_table[place + 12u]),
        vec8(query_table[place + 13u]),
        vec8(query_table[place + 14u]),
        vec8(query_table[place + 15u]),
    );
}

fn key_row(place: u32) -> HeadRow {
    return HeadRow(
        vec8(key_table[place + 0u]),
        vec8(key_table[place + 1u]),
        vec8(key_table[place + 2u]),
        vec8(key_table[place + 3u]),
        vec8(key_table[place + 4u]),
        vec8(key_table[place + 5u]),
        vec8(key_table[place + 6u]),
        vec8(key_table[place + 7u]),
        vec8(key_table[place + 8u]),
        vec8(key_table[place + 9u]),
        vec8(key_table[place + 10u]),
        vec8(key_table[place + 11u]),
        vec8(key_table[place + 12u]),
        vec8(key_table[place + 13u]),
        vec8(key_table[place + 14u]),
        vec8(key_table[place + 15u]),
    );
}

fn at_distance(distance: u32, queries: Queries, head: u32) -> Carried {
    let bucket = buckets[min(distance, 2u * params.max_length - 2u)];
    let place = (bucket * params.table_stride + head * params.table_head) / 2u;
    var found = Carried();
    if QUERY_TERM { found.products = products(queries, query_row(place)); }
    if KEY_TERM { found.row = key_row(place); }
    return found;
}

fn first_carried(queries: Queries, block: Block) -> Carried {
    return at_distance(block.i + LANES + params.max_length - 1u - block.j, queries, block.head);
}

fn add_diagonals(sum: Vec4x8, before: Vec8, now: Vec8, key: Vec8, lane: u32) -> Vec4x8 {
    let low = add_products(sum, diagonals(before.low, now.low, lane), key.low);
    return add_products(low, diagonals(before.high, now.high, lane), key.high);
}

// The products of the lane's key with the rows at its distance from each query.
fn key_products(before: HeadRow, now: HeadRow, keys: HeadRow, lane: u32) -> Vec8 {
    var sum = Vec4x8();
    if 0u < HEAD_VEC8S { sum = add_diagonals(sum, before[0], now[0], keys[0], lane); }
    if 1u < HEAD_VEC8S { sum = add_diagonals(sum, before[1], now[1], keys[1], lane); }
    if 2u < HEAD_VEC8S { sum = add_diagonals(sum, before[2], now[2], keys[2], lane); }
    if 3u < HEAD_VEC8S { sum = add_diagonals(sum, before[3], now[3], keys[3], lane); }
    if 4u < HEAD_VEC8S { sum = add_diagonals(sum, before[4], now[4], keys[4], lane); }
    if 5u < HEAD_VEC8S { sum = add_diagonals(sum, before[5], now[5], keys[5], lane); }
    if 6u < HEAD_VEC8S { sum = add_diagonals(sum, before[6], now[6], keys[6], lane); }
    if 7u < HEAD_VEC8S { sum = add_diagonals(sum, before[7], now[7], keys[7], lane); }
    if 8u < HEAD_VEC8S { sum = add_diagonals(sum, before[8], now[8], keys[8], lane); }
    if 9u < HEAD_VEC8S { sum = add_diagonals(sum, before[9], now[9], keys[9], lane); }
    if 10u < HEAD_VEC8S { sum = add_diagonals(sum, before[10], now[10], keys[10], lane); }
    if 11u < HEAD_VEC8S { sum = add_diagonals(sum, before[11], now[11], keys[11], lane); }
    if 12u < HEAD_VEC8S { sum = add_diagonals(sum, before[12], now[12], keys[12], lane); }
    if 13u < HEAD_VEC8S { sum = add_diagonals(sum, before[13], now[13], keys[13], lane); }
    if 14u < HEAD_VEC8S { sum = add_diagonals(sum, before[14], now[14], keys[14], lane); }
    if 15u < HEAD_VEC8S { sum = add_diagonals(sum, before[15], now[15], keys[15], lane); }
    return by_query(sums8(sum), lane);
}

fn score_block(queries: Queries, carried: Carried, block: Block) -> Scored {
    let key = load_key(block.row, block.head);
    let now = at_distance(block.i + params.max_length - 1u - block.j, queries, block.head);
    var scores = products(queries, key);
    if QUERY_TERM { scores = add8(scores, by_distance(carried.products, now.products, block.lane)); }
    if KEY_TERM { scores = add8(scores, key_products(carried.row, now.row, key, block.lane)); }
    return Scored(scale8(params.scale, scores), now);
}
