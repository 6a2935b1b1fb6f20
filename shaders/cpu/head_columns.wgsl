// The columns of a head by eights, for flash_vec8.wgsl. They are written out for the widest head, because loops over
// registers are not unrolled: what a head does not have is never used, and so neither loaded nor computed.
//
// provides: Accumulators, HeadRow, Queries, add_block, load_key, load_queries, products, rescaled, store_accumulators;
// needs: HEAD_VEC8S, LANES, OWNERS, Stored, Vec4x8, Vec8, add_products, add_scaled, broadcast, load_key8, load_value8,
//   output, params, query_chunk, scaled, sums8

// Eight columns of all queries, known to all lanes.
struct Queries8 { low: Vec4x8, high: Vec4x8 }

alias Queries = array<Queries8, 16>;
alias HeadRow = array<Vec8, 16>; // of a key, or of a table

fn load_queries8(row: u32, head: u32, index: u32) -> Queries8 {
    return Queries8(broadcast(query_chunk(row, head, 2u * index)), broadcast(query_chunk(row, head, 2u * index + 1u)));
}

fn load_queries(row: u32, head: u32) -> Queries {
    return Queries(
        load_queries8(row, head, 0u),
        load_queries8(row, head, 1u),
        load_queries8(row, head, 2u),
        load_queries8(row, head, 3u),
        load_queries8(row, head, 4u),
        load_queries8(row, head, 5u),
        load_queries8(row, head, 6u),
        load_queries8(row, head, 7u),
        load_queries8(row, head, 8u),
        load_queries8(row, head, 9u),
        load_queries8(row, head, 10u),
        load_queries8(row, head, 11u),
        load_queries8(row, head, 12u),
        load_queries8(row, head, 13u),
        load_queries8(row, head, 14u),
        load_queries8(row, head, 15u),
    );
}

fn load_key(row: u32, head: u32) -> HeadRow {
    return HeadRow(
        load_key8(row, head, 0u),
        load_key8(row, head, 1u),
        load_key8(row, head, 2u),
        load_key8(row, head, 3u),
        load_key8(row, head, 4u),
        load_key8(row, head, 5u),
        load_key8(row, head, 6u),
        load_key8(row, head, 7u),
        load_key8(row, head, 8u),
        load_key8(row, head, 9u),
        load_key8(row, head, 10u),
        load_key8(row, head, 11u),
        load_key8(row, head, 12u),
        load_key8(row, head, 13u),
        load_key8(row, head, 14u),
        load_key8(row, head, 15u),
    );
}

fn add_vec8(sum: Vec4x8, queries: Queries8, row: Vec8) -> Vec4x8 {
    return add_products(add_products(sum, queries.low, row.low), queries.high, row.high);
}

// The products of all queries with the lane's row.
fn products(queries: Queries, row: HeadRow) -> Vec8 {
    var sum = Vec4x8();
    if 0u < HEAD_VEC8S { sum = add_vec8(sum, queries[0], row[0]); }
    if 1u < HEAD_VEC8S { sum = add_vec8(sum, queries[1], row[1]); }
    if 2u < HEAD_VEC8S { sum = add_vec8(sum, queries[2], row[2]); }
    if 3u < HEAD_VEC8S { sum = add_vec8(sum, queries[3], row[3]); }
    if 4u < HEAD_VEC8S { sum = add_vec8(sum, queries[4], row[4]); }
    if 5u < HEAD_VEC8S { sum = add_vec8(sum, queries[5], row[5]); }
    if 6u < HEAD_VEC8S { sum = add_vec8(sum, queries[6], row[6]); }
    if 7u < HEAD_VEC8S { sum = add_vec8(sum, queries[7], row[7]); }
    if 8u < HEAD_VEC8S { sum = add_vec8(sum, queries[8], row[8]); }
    if 9u < HEAD_VEC8S { sum = add_vec8(sum, queries[9], row[9]); }
    if 10u < HEAD_VEC8S { sum = add_vec8(sum, queries[10], row[10]); }
    if 11u < HEAD_VEC8S { sum = add_vec8(sum, queries[11], row[11]); }
    if 12u < HEAD_VEC8S { sum = add_vec8(sum, queries[12], row[12]); }
    if 13u < HEAD_VEC8S { sum = add_vec8(sum, queries[13], row[13]); }
    if 14u < HEAD_VEC8S { sum = add_vec8(sum, queries[14], row[14]); }
    if 15u < HEAD_VEC8S { sum = add_vec8(sum, queries[15], row[15]); }
    return sums8(sum);
}

// What a lane has accumulated of its eight columns, and of those 64 further.
struct Accumulators { low: Vec4x8, high: Vec4x8, far_low: Vec4x8, far_high: Vec4x8 }

fn rescaled(acc: Accumulators, by: Vec8) -> Accumulators {
    var all = acc;
    all.low = scaled(acc.low, by);
    all.high = scaled(acc.high, by);
    if LANES < HEAD_VEC8S {
        all.far_low = scaled(acc.far_low, by);
        all.far_high = scaled(acc.far_high, by);
    }
    return all;
}

// Adds the values of LANES / OWNERS keys, of which each OWNERS lanes have one. `rest`: keys from `row` on but the first;
// past them, where p is 0, the last stands in.
fn add_values(acc: Accumulators, p: Vec8, row: u32, rest: u32, head: u32, lane: u32, step: u32) -> Accumulators {
    let key = LANES / OWNERS * step + lane / OWNERS;
    let by = Vec8(subgroupShuffle(p.low, key), subgroupShuffle(p.high, key));
    let key_row = row + min(key, rest);
    // Lanes without columns repeat the last.
    let own = lane % OWNERS;
    let near = load_value8(key_row, head, min(own, HEAD_VEC8S - 1u));
    var sum = acc;
    sum.low = add_scaled(acc.low, by, near.low);
    sum.high = add_scaled(acc.high, by, near.high);
    if LANES < HEAD_VEC8S {
        let far = load_value8(key_row, head, min(own + LANES, HEAD_VEC8S - 1u));
        sum.far_low = add_scaled(acc.far_low, by, far.low);
        sum.far_high = add_scaled(acc.far_high, by, far.high);
    }
    return sum;
}

// Adds eight keys' values.
fn add_block(acc: Accumulators, p: Vec8, row: u32, rest: u32, head: u32, lane: u32) -> Accumulators {
    var sum = acc;
    if 0u < OWNERS { sum = add_values(sum, p, row, rest, head, lane, 0u); }
    if 1u < OWNERS { sum = add_values(sum, p, row, rest, head, lane, 1u); }
    if 2u < OWNERS { sum = add_values(sum, p, row, rest, head, lane, 2u); }
    if 3u < OWNERS { sum = add_values(sum, p, row, rest, head, lane, 3u); }
    if 4u < OWNERS { sum = add_values(sum, p, row, rest, head, lane, 4u); }
    if 5u < OWNERS { sum = add_values(sum, p, row, rest, head, lane, 5u); }
    if 6u < OWNERS { sum = add_values(sum, p, row, rest, head, lane, 6u); }
    if 7u < OWNERS { sum = add_values(sum, p, row, rest, head, lane, 7u); }
    return sum;
}

// The sum over the lanes that own the same columns.
fn sum_keys(x: vec4<f32>) -> vec4<f32> {
    var sum = x;
    if OWNERS < 8u { sum += subgroupShuffleXor(sum, 4u); }
    if OWNERS < 4u { sum += subgroupShuffleXor(sum, 2u); }
    if OWNERS < 2u { sum += subgroupShuffleXor(sum, 1u); }
    return sum;
}

fn sum_owners(a: Vec4x8) -> Vec4x8 {
    return Vec4x8(
        sum_keys(a.r0),
        sum_keys(a.r1),
        sum_keys(a.r2),
        sum_keys(a.r3),
        sum_keys(a.r4),
        sum_keys(a.r5),
        sum_keys(a.r6),
        sum_keys(a.r7),
    );
}

fn store_rows(a: Vec4x8, row_sum: Vec8, place: u32, count: u32) {
    let stride = params.heads * params.head_width;
    output[place] = Stored(a.r0 / row_sum.low.x);
    if 1u < count { output[place + stride] = Stored(a.r1 / row_sum.low.y); }
    if 2u < count { output[place + 2u * stride] = Stored(a.r2 / row_sum.low.z); }
    if 3u < count { output[place + 3u * stride] = Stored(a.r3 / row_sum.low.w); }
    if 4u < count { output[place + 4u * stride] = Stored(a.r4 / row_sum.high.x); }
    if 5u < count { output[place + 5u * stride] = Stored(a.r5 / row_sum.high.y); }
    if 6u < count { output[place + 6u * stride] = Stored(a.r6 / row_sum.high.z); }
    if 7u < count { output[place + 7u * stride] = Stored(a.r7 / row_sum.high.w); }
}

fn store_accumulators(acc: Accumulators, row_sum: Vec8, row: u32, count: u32, head: u32, lane: u32) {
    let place = (row * params.heads + head) * params.head_width + 2u * lane;
    let low = sum_owners(acc.low);
    let high = sum_owners(acc.high);
    if min(OWNERS, HEAD_VEC8S) <= lane { return; }
    store_rows(low, row_sum, place, count);
    store_rows(high, row_sum, place + 1u, count);
    if HEAD_VEC8S <= lane + LANES { return; }
    store_rows(acc.far_low, row_sum, place + 2u * LANES, count);
    store_rows(acc.far_high, row_sum, place + 2u * LANES + 1u, count);
}
