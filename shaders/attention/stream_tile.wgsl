// A workgroup owns 32 queries of a head and meets the keys 32 at a time in workgroup memory (FlashAttention-2, Dao 2023).
// A lane has the scores of 4 queries x 4 keys, then 4 queries x every eighth chunk of the values.
//
// Blocks of keys are counted from the text's first. One that a query does not see adds zeros to its sums, so that these
// do not depend on the other queries.

const LANES: u32 = 64u;
const SLICES: u32 = CHUNKS / SLICE;

var<workgroup> partial: array<vec4<f32>, LANES>; // [FOURS keys, FOURS queries]

// A chunk of columns of four queries.
struct Totals { q0: Chunk, q1: Chunk, q2: Chunk, q3: Chunk }

fn scaled(work: Work, i: vec4<u32>, key: u32, products: vec4<f32>) -> vec4<f32> {
    let j = min(key, work.length - 1u);
    let head = work.head;
    let bias = vec4<f32>(
        score_bias(head, i.x, j), score_bias(head, i.y, j), score_bias(head, i.z, j), score_bias(head, i.w, j));
    return fma(vec4<f32>(params.scale), products, bias);
}

fn seen(work: Work, i: vec4<u32>, j: u32) -> vec4<bool> {
    let reach = min(params.window, work.length);
    return vec4<bool>(j < work.length) & (vec4<u32>(j + reach) >= i) & (vec4<u32>(j) <= i + reach);
}

fn exponentials(x: vec4<f32>) -> vec4<f32> {
    return vec4<f32>(exponential(x.x), exponential(x.y), exponential(x.z), exponential(x.w));
}

fn weights_of(scores: vec4<f32>, highest: vec4<f32>, seen: vec4<bool>) -> vec4<f32> {
    return select(vec4<f32>(), exponentials(scores - highest), seen);
}

fn add_values(work: Work, keys_here: u32, before: Totals) -> Totals {
    var totals = before;
    for (var j = 0u; j < keys_here; j += 1u) {
        let weight = across[j * FOURS + work.queries];
        let v = rows[j * SLICE + work.keys];
        totals.q0 = fma(Chunk(weight.x), v, totals.q0);
        totals.q1 = fma(Chunk(weight.y), v, totals.q1);
        totals.q2 = fma(Chunk(weight.z), v, totals.q2);
        totals.q3 = fma(Chunk(weight.w), v, totals.q3);
    }
    return totals;
}

@compute @workgroup_size(LANES)
fn attention(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let tile = query_tile(workgroup.x);
    let start = starts[tile.text];
    let length = starts[tile.text + 1u] - start;
    let work = Work(tile, workgroup.y, start, length, lane, lane % FOURS, lane / FOURS);
    let i = vec4<u32>(tile.position) + own_queries(work, work.queries);
    let last = tile.position + tile.count - 1u;
    let first = (tile.position - min(tile.position, params.window)) / KEYS * KEYS;
    let end = min(length, last + min(params.window, length) + 1u);

    var totals: array<Totals, SLICES>;
    var highest = vec4<f32>(LOWEST);
    var weights = vec4<f32>(); // of the keys that this lane had
    for (var block = first; block < end; block += KEYS) {
        var scores = Scores();
        for (var slice = 0u; slice * SLICE < params.head_width; slice += 1u) {
            stage_queries(work, slice);
            stage_rows(work, params.first_key, block, slice);
            workgroupBarrier();
            let chunks = min(SLICE, params.head_width - slice * SLICE);
            add_products(work, chunks, &scores);
            add_terms(work, block, slice, chunks, &scores);
            workgroupBarrier();
        }
        stage_rows(work, params.first_value, block, 0u);

        let j = block + 4u * work.keys;
        let s0 = scaled(work, i, j, scores.k0);
        let s1 = scaled(work, i, j + 1u, scores.k1);
        let s2 = scaled(work, i, j + 2u, scores.k2);
        let s3 = scaled(work, i, j + 3u, scores.k3);
        let seen0 = seen(work, i, j);
        let seen1 = seen(work, i, j + 1u);
        let seen2 = seen(work, i, j + 2u);
        let seen3 = seen(work, i, j + 3u);
        let lowest = vec4<f32>(LOWEST);
        let upper = max(select(lowest, s0, seen0), select(lowest, s1, seen1));
        partial[work.keys * FOURS + work.queries] = max(upper, max(select(lowest, s2, seen2), select(lowest, s3, seen3)));
        workgroupBarrier();

        var now = highest;
        for (var four = 0u; four < FOURS; four += 1u) { now = max(now, partial[four * FOURS + work.queries]); }
        let shrink = exponentials(highest - now);
        highest = now;
        let p0 = weights_of(s0, now, seen0);
        let p1 = weights_of(s1, now, seen1);
        let p2 = weights_of(s2, now, seen2);
        let p3 = weights_of(s3, now, seen3);
        weights = fma(weights, shrink, (p0 + p1) + (p2 + p3));
        let place = 4u * work.keys * FOURS + work.queries;
        across[place] = p0;
        across[place + FOURS] = p1;
        across[place + 2u * FOURS] = p2;
        across[place + 3u * FOURS] = p3;
        workgroupBarrier();

        for (var slice = 0u; slice < SLICES; slice += 1u) {
            if slice * SLICE < params.head_width {
                if slice > 0u {
                    stage_rows(work, params.first_value, block, slice);
                    workgroupBarrier();
                }
                let old = totals[slice];
                let kept = Totals(old.q0 * shrink.x, old.q1 * shrink.y, old.q2 * shrink.z, old.q3 * shrink.w);
                totals[slice] = add_values(work, min(KEYS, length - block), kept);
                workgroupBarrier();
            }
        }
    }

    partial[work.keys * FOURS + work.queries] = weights;
    workgroupBarrier();
    var sum = vec4<f32>();
    for (var four = 0u; four < FOURS; four += 1u) { sum += partial[four * FOURS + work.queries]; }
    for (var slice = 0u; slice < SLICES; slice += 1u) {
        let chunk = slice * SLICE + work.keys;
        if chunk < params.head_width {
            let answers = array<Chunk, 4>(
                totals[slice].q0 / sum.x, totals[slice].q1 / sum.y, totals[slice].q2 / sum.z, totals[slice].q3 / sum.w);
            for (var query = 0u; query < 4u; query += 1u) {
                let own = 4u * work.queries + query;
                if own < tile.count {
                    let place = ((tile.row + own) * params.heads + work.head) * params.head_width + chunk;
                    output[place] = Stored(answers[query]);
                }
            }
        }
    }
}
