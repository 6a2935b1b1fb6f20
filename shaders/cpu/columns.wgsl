// The columns of a head by eights, for stream_subgroup.wgsl. Written out for the widest head, because loops over
// registers are not unrolled: what a head does not have is never used, and so neither loaded nor computed.

override PAIRS: u32; // eights of columns of a head: 1 to 16
override OWNERS: u32; // lanes among which the columns of a key's values are divided: 1, 2, 4 or 8

// Eight columns of all queries, known to all lanes.
struct QueryPair { low: Eight, high: Eight }

alias Queries = array<QueryPair, 16>;
alias Row = array<Pair, 16>; // of a key, or of a table

fn query_pair(row: u32, head: u32, index: u32) -> QueryPair {
    return QueryPair(spread(query_chunk(row, head, 2u * index)), spread(query_chunk(row, head, 2u * index + 1u)));
}

fn load_queries(row: u32, head: u32) -> Queries {
    return Queries(
        query_pair(row, head, 0u),
        query_pair(row, head, 1u),
        query_pair(row, head, 2u),
        query_pair(row, head, 3u),
        query_pair(row, head, 4u),
        query_pair(row, head, 5u),
        query_pair(row, head, 6u),
        query_pair(row, head, 7u),
        query_pair(row, head, 8u),
        query_pair(row, head, 9u),
        query_pair(row, head, 10u),
        query_pair(row, head, 11u),
        query_pair(row, head, 12u),
        query_pair(row, head, 13u),
        query_pair(row, head, 14u),
        query_pair(row, head, 15u),
    );
}

fn load_key(row: u32, head: u32) -> Row {
    return Row(
        key_pair(row, head, 0u),
        key_pair(row, head, 1u),
        key_pair(row, head, 2u),
        key_pair(row, head, 3u),
        key_pair(row, head, 4u),
        key_pair(row, head, 5u),
        key_pair(row, head, 6u),
        key_pair(row, head, 7u),
        key_pair(row, head, 8u),
        key_pair(row, head, 9u),
        key_pair(row, head, 10u),
        key_pair(row, head, 11u),
        key_pair(row, head, 12u),
        key_pair(row, head, 13u),
        key_pair(row, head, 14u),
        key_pair(row, head, 15u),
    );
}

fn add_pair(sum: Eight, queries: QueryPair, row: Pair) -> Eight {
    return add_products(add_products(sum, queries.low, row.low), queries.high, row.high);
}

// The products of all queries with the lane's row.
fn products(queries: Queries, row: Row) -> Numbers {
    var sum = Eight();
    if 0u < PAIRS { sum = add_pair(sum, queries[0], row[0]); }
    if 1u < PAIRS { sum = add_pair(sum, queries[1], row[1]); }
    if 2u < PAIRS { sum = add_pair(sum, queries[2], row[2]); }
    if 3u < PAIRS { sum = add_pair(sum, queries[3], row[3]); }
    if 4u < PAIRS { sum = add_pair(sum, queries[4], row[4]); }
    if 5u < PAIRS { sum = add_pair(sum, queries[5], row[5]); }
    if 6u < PAIRS { sum = add_pair(sum, queries[6], row[6]); }
    if 7u < PAIRS { sum = add_pair(sum, queries[7], row[7]); }
    if 8u < PAIRS { sum = add_pair(sum, queries[8], row[8]); }
    if 9u < PAIRS { sum = add_pair(sum, queries[9], row[9]); }
    if 10u < PAIRS { sum = add_pair(sum, queries[10], row[10]); }
    if 11u < PAIRS { sum = add_pair(sum, queries[11], row[11]); }
    if 12u < PAIRS { sum = add_pair(sum, queries[12], row[12]); }
    if 13u < PAIRS { sum = add_pair(sum, queries[13], row[13]); }
    if 14u < PAIRS { sum = add_pair(sum, queries[14], row[14]); }
    if 15u < PAIRS { sum = add_pair(sum, queries[15], row[15]); }
    return sums(sum);
}

// What a lane has summed of its eight columns, and of those 64 further.
struct Totals { low: Eight, high: Eight, far_low: Eight, far_high: Eight }

fn shrunk(totals: Totals, by: Numbers) -> Totals {
    var all = totals;
    all.low = scaled(totals.low, by);
    all.high = scaled(totals.high, by);
    if LANES < PAIRS {
        all.far_low = scaled(totals.far_low, by);
        all.far_high = scaled(totals.far_high, by);
    }
    return all;
}

// Adds the values of LANES / OWNERS keys, of which each OWNERS lanes have one. `rest`: keys from `row` on but the first;
// past them, where weights are 0, the last stands in.
fn add_values(totals: Totals, weights: Numbers, row: u32, rest: u32, head: u32, lane: u32, step: u32) -> Totals {
    let key = LANES / OWNERS * step + lane / OWNERS;
    let by = Numbers(subgroupShuffle(weights.upper, key), subgroupShuffle(weights.lower, key));
    let key_row = row + min(key, rest);
    // Lanes without columns repeat the last.
    let own = lane % OWNERS;
    let near = value_pair(key_row, head, min(own, PAIRS - 1u));
    var sum = totals;
    sum.low = add_scaled(totals.low, by, near.low);
    sum.high = add_scaled(totals.high, by, near.high);
    if LANES < PAIRS {
        let far = value_pair(key_row, head, min(own + LANES, PAIRS - 1u));
        sum.far_low = add_scaled(totals.far_low, by, far.low);
        sum.far_high = add_scaled(totals.far_high, by, far.high);
    }
    return sum;
}

// Adds eight keys' values.
fn add_block(totals: Totals, weights: Numbers, row: u32, rest: u32, head: u32, lane: u32) -> Totals {
    var sum = totals;
    if 0u < OWNERS { sum = add_values(sum, weights, row, rest, head, lane, 0u); }
    if 1u < OWNERS { sum = add_values(sum, weights, row, rest, head, lane, 1u); }
    if 2u < OWNERS { sum = add_values(sum, weights, row, rest, head, lane, 2u); }
    if 3u < OWNERS { sum = add_values(sum, weights, row, rest, head, lane, 3u); }
    if 4u < OWNERS { sum = add_values(sum, weights, row, rest, head, lane, 4u); }
    if 5u < OWNERS { sum = add_values(sum, weights, row, rest, head, lane, 5u); }
    if 6u < OWNERS { sum = add_values(sum, weights, row, rest, head, lane, 6u); }
    if 7u < OWNERS { sum = add_values(sum, weights, row, rest, head, lane, 7u); }
    return sum;
}

// The sum over the lanes that own the same columns.
fn over_keys(x: vec4<f32>) -> vec4<f32> {
    var sum = x;
    if OWNERS < 8u { sum += subgroupShuffleXor(sum, 4u); }
    if OWNERS < 4u { sum += subgroupShuffleXor(sum, 2u); }
    if OWNERS < 2u { sum += subgroupShuffleXor(sum, 1u); }
    return sum;
}

fn of_owners(a: Eight) -> Eight {
    return Eight(
        over_keys(a.r0),
        over_keys(a.r1),
        over_keys(a.r2),
        over_keys(a.r3),
        over_keys(a.r4),
        over_keys(a.r5),
        over_keys(a.r6),
        over_keys(a.r7),
    );
}

fn write_rows(a: Eight, by: Numbers, place: u32, count: u32) {
    let stride = params.heads * params.head_width;
    output[place] = Stored(a.r0 / by.upper.x);
    if 1u < count { output[place + stride] = Stored(a.r1 / by.upper.y); }
    if 2u < count { output[place + 2u * stride] = Stored(a.r2 / by.upper.z); }
    if 3u < count { output[place + 3u * stride] = Stored(a.r3 / by.upper.w); }
    if 4u < count { output[place + 4u * stride] = Stored(a.r4 / by.lower.x); }
    if 5u < count { output[place + 5u * stride] = Stored(a.r5 / by.lower.y); }
    if 6u < count { output[place + 6u * stride] = Stored(a.r6 / by.lower.z); }
    if 7u < count { output[place + 7u * stride] = Stored(a.r7 / by.lower.w); }
}

fn write_totals(totals: Totals, weights: Numbers, row: u32, count: u32, head: u32, lane: u32) {
    let place = (row * params.heads + head) * params.head_width + 2u * lane;
    let low = of_owners(totals.low);
    let high = of_owners(totals.high);
    if min(OWNERS, PAIRS) <= lane { return; }
    write_rows(low, weights, place, count);
    write_rows(high, weights, place + 1u, count);
    if PAIRS <= lane + LANES { return; }
    write_rows(totals.far_low, weights, place + 2u * LANES, count);
    write_rows(totals.far_high, weights, place + 2u * LANES + 1u, count);
}
