// Up to 8 queries a workgroup, which is one subgroup of 8 lanes. Keys come in blocks of 8, counted from the text's
// first: a lane owns a key while the block is scored, and eight columns while its values are summed.
//
// For adapters that run a subgroup as one CPU vector (Mesa's llvmpipe), as is tile_subgroup.wgsl. Only for scores
// without a term: inlined for eight queries a term is eight more loops.

const LANES: u32 = 8u;

// A vector, or a number, for each of the eight queries.
struct Eight {
    r0: vec4<f32>,
    r1: vec4<f32>,
    r2: vec4<f32>,
    r3: vec4<f32>,
    r4: vec4<f32>,
    r5: vec4<f32>,
    r6: vec4<f32>,
    r7: vec4<f32>,
}
struct Numbers { upper: vec4<f32>, lower: vec4<f32> }

// What each lane has, to all lanes.
fn spread(x: vec4<f32>) -> Eight {
    return Eight(
        subgroupBroadcast(x, 0u),
        subgroupBroadcast(x, 1u),
        subgroupBroadcast(x, 2u),
        subgroupBroadcast(x, 3u),
        subgroupBroadcast(x, 4u),
        subgroupBroadcast(x, 5u),
        subgroupBroadcast(x, 6u),
        subgroupBroadcast(x, 7u),
    );
}

fn add_products(a: Eight, queries: Eight, key: vec4<f32>) -> Eight {
    return Eight(
        fma(queries.r0, key, a.r0),
        fma(queries.r1, key, a.r1),
        fma(queries.r2, key, a.r2),
        fma(queries.r3, key, a.r3),
        fma(queries.r4, key, a.r4),
        fma(queries.r5, key, a.r5),
        fma(queries.r6, key, a.r6),
        fma(queries.r7, key, a.r7),
    );
}

fn add_scaled(a: Eight, by: Numbers, x: vec4<f32>) -> Eight {
    return Eight(
        fma(vec4<f32>(by.upper.x), x, a.r0),
        fma(vec4<f32>(by.upper.y), x, a.r1),
        fma(vec4<f32>(by.upper.z), x, a.r2),
        fma(vec4<f32>(by.upper.w), x, a.r3),
        fma(vec4<f32>(by.lower.x), x, a.r4),
        fma(vec4<f32>(by.lower.y), x, a.r5),
        fma(vec4<f32>(by.lower.z), x, a.r6),
        fma(vec4<f32>(by.lower.w), x, a.r7),
    );
}

fn scaled(a: Eight, by: Numbers) -> Eight {
    return Eight(
        a.r0 * by.upper.x,
        a.r1 * by.upper.y,
        a.r2 * by.upper.z,
        a.r3 * by.upper.w,
        a.r4 * by.lower.x,
        a.r5 * by.lower.y,
        a.r6 * by.lower.z,
        a.r7 * by.lower.w,
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

// What a lane has summed of its eight columns.
struct Totals { low: Eight, high: Eight }

fn add_values(totals: Totals, weights: Numbers, values: Pair) -> Totals {
    return Totals(add_scaled(totals.low, weights, values.low), add_scaled(totals.high, weights, values.high));
}

fn sums(a: Eight) -> Numbers {
    return Numbers(
        vec4<f32>(sum(a.r0), sum(a.r1), sum(a.r2), sum(a.r3)),
        vec4<f32>(sum(a.r4), sum(a.r5), sum(a.r6), sum(a.r7)),
    );
}

fn exponentials(x: vec4<f32>) -> vec4<f32> {
    return vec4<f32>(exponential(x.x), exponential(x.y), exponential(x.z), exponential(x.w));
}

fn largest(x: vec4<f32>) -> vec4<f32> {
    let all = spread(x);
    return max(max(max(all.r0, all.r1), max(all.r2, all.r3)), max(max(all.r4, all.r5), max(all.r6, all.r7)));
}

fn added(x: vec4<f32>) -> vec4<f32> {
    let all = spread(x);
    return ((all.r0 + all.r1) + (all.r2 + all.r3)) + ((all.r4 + all.r5) + (all.r6 + all.r7));
}

// One block of the softmax for four queries.
struct Streamed { highest: vec4<f32>, weights: vec4<f32>, block: vec4<f32>, shrink: vec4<f32> }

fn stream(highest: vec4<f32>, weights: vec4<f32>, scores: vec4<f32>, seen: vec4<bool>) -> Streamed {
    let now = max(highest, largest(select(vec4<f32>(LOWEST), scores, seen)));
    let block = select(vec4<f32>(), exponentials(scores - now), seen);
    let shrink = exponentials(highest - now);
    return Streamed(now, fma(weights, shrink, block), block, shrink);
}

@compute @workgroup_size(LANES)
fn attention(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
    let tile = query_tile(workgroup.x);
    let head = workgroup.y;
    let start = starts[tile.text];
    let length = starts[tile.text + 1u] - start;
    let last = tile.position + tile.count - 1u;
    let first = (tile.position - min(tile.position, params.window)) / LANES * LANES;
    let end = min(length, last + min(params.window, length) + 1u);

    let queries = load_queries(tile.row + min(lane, tile.count - 1u), head);
    var totals = Totals();
    var highest = Numbers(vec4<f32>(LOWEST), vec4<f32>(LOWEST));
    var weights = Numbers(); // of the keys that this lane owned
    for (var block = first; block < end; block += LANES) {
        let j = block + lane;
        let key_row = start + min(j, length - 1u); // beyond the end the last row stands in, with weight 0
        let products = sums(products_of(queries, key_row, head));

        let reach = min(params.window, length);
        let i = vec4<u32>(tile.position) + vec4<u32>(0u, 1u, 2u, 3u);
        let inside = vec4<bool>(j < length);
        let upper_seen = inside & (vec4<u32>(j) + reach >= i) & (vec4<u32>(j) <= i + reach);
        let lower_seen = inside & (vec4<u32>(j) + reach >= i + 4u) & (vec4<u32>(j) <= i + 4u + reach);
        let upper_scores = params.scale * products.upper;
        let lower_scores = params.scale * products.lower;
        let upper = stream(highest.upper, weights.upper, upper_scores, upper_seen);
        let lower = stream(highest.lower, weights.lower, lower_scores, lower_seen);
        highest = Numbers(upper.highest, lower.highest);
        weights = Numbers(upper.weights, lower.weights);

        let shrink = Numbers(upper.shrink, lower.shrink);
        let kept = Totals(scaled(totals.low, shrink), scaled(totals.high, shrink));
        totals = add_block(kept, upper.block, lower.block, start + block, length - 1u - block, head, lane);
    }
    write_totals(totals, Numbers(added(weights.upper), added(weights.lower)), tile.row, tile.count, head, lane);
}
