// A workgroup owns 32 queries of a head and meets 32 keys at a time in workgroup memory (FlashAttention-2, Dao 2023). A lane has the scores
// of 4 queries x 4 keys, then 4 queries x every eighth chunk of the values. Another file says which queries these are and which blocks of
// keys: tile_of_text.wgsl or tile_of_slots.wgsl.
//
// A block that a query does not see adds zeros to its sums, so that these do not depend on the other queries.
//
// provides: LANES, attention;
// needs: CHUNKS, Chunk, KEYS, LOWEST, SLICE, Scores, Stored, VEC4S, Work, add_products, add_terms, blocks_of, exponential, first_key_of,
//   is_written, key_lds, output, output_rows, params, positions, query_lds, score_bias, stage_queries, stage_rows, value_rows, work_of

const LANES: u32 = 64u;
const SLICES: u32 = CHUNKS / SLICE;

var<workgroup> partial: array<vec4<f32>, LANES>; // [VEC4S keys, VEC4S queries]

// A chunk of columns of four queries.
struct Accumulator { q0: Chunk, q1: Chunk, q2: Chunk, q3: Chunk }

fn scaled(work: Work, i: vec4<u32>, key: u32, products: vec4<f32>) -> vec4<f32> {
    let j = min(key, work.length - 1u);
    let head = work.head;
    let bias = vec4<f32>(
        score_bias(head, i.x, j), score_bias(head, i.y, j), score_bias(head, i.z, j), score_bias(head, i.w, j));
    return fma(vec4<f32>(params.scale), products, bias);
}

fn visible4(work: Work, i: vec4<u32>, j: u32) -> vec4<bool> {
    let reach = min(params.window, work.length);
    return vec4<bool>(j < work.length) & (vec4<u32>(j + reach) >= i) & (vec4<u32>(j) <= i + reach);
}

fn exponentials(x: vec4<f32>) -> vec4<f32> {
    return vec4<f32>(exponential(x.x), exponential(x.y), exponential(x.z), exponential(x.w));
}

fn p_of(scores: vec4<f32>, row_max: vec4<f32>, mask: vec4<bool>) -> vec4<f32> {
    return select(vec4<f32>(0.0), exponentials(scores - row_max), mask);
}

fn add_values(work: Work, rows: vec2<u32>, before: Accumulator) -> Accumulator {
    var acc = before;
    for (var j = rows.x; j < rows.y; j += 1u) {
        let p = query_lds[j * VEC4S + work.queries];
        let v = key_lds[j * SLICE + work.keys];
        acc.q0 = fma(Chunk(p.x), v, acc.q0);
        acc.q1 = fma(Chunk(p.y), v, acc.q1);
        acc.q2 = fma(Chunk(p.z), v, acc.q2);
        acc.q3 = fma(Chunk(p.w), v, acc.q3);
    }
    return acc;
}

@compute @workgroup_size(LANES)
fn attention(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let work = work_of(workgroup, lane);
    let i = positions(work);
    let blocks = blocks_of(workgroup);

    var acc: array<Accumulator, SLICES>;
    var row_max = vec4<f32>(LOWEST);
    var row_sum = vec4<f32>(0.0); // of the keys that this lane had
    for (var block = blocks.x; block < blocks.y; block += KEYS) {
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

        let j = first_key_of(work, block);
        let s0 = scaled(work, i, j, scores.k0);
        let s1 = scaled(work, i, j + 1u, scores.k1);
        let s2 = scaled(work, i, j + 2u, scores.k2);
        let s3 = scaled(work, i, j + 3u, scores.k3);
        let visible0 = visible4(work, i, j);
        let visible1 = visible4(work, i, j + 1u);
        let visible2 = visible4(work, i, j + 2u);
        let visible3 = visible4(work, i, j + 3u);
        let lowest = vec4<f32>(LOWEST);
        let first_two = max(select(lowest, s0, visible0), select(lowest, s1, visible1));
        let last_two = max(select(lowest, s2, visible2), select(lowest, s3, visible3));
        partial[work.keys * VEC4S + work.queries] = max(first_two, last_two);
        workgroupBarrier();

        var now = row_max;
        for (var four = 0u; four < VEC4S; four += 1u) { now = max(now, partial[four * VEC4S + work.queries]); }
        let rescale = exponentials(row_max - now);
        row_max = now;
        let p0 = p_of(s0, now, visible0);
        let p1 = p_of(s1, now, visible1);
        let p2 = p_of(s2, now, visible2);
        let p3 = p_of(s3, now, visible3);
        row_sum = fma(row_sum, rescale, (p0 + p1) + (p2 + p3));
        let place = 4u * work.keys * VEC4S + work.queries;
        query_lds[place] = p0;
        query_lds[place + VEC4S] = p1;
        query_lds[place + 2u * VEC4S] = p2;
        query_lds[place + 3u * VEC4S] = p3;
        workgroupBarrier();

        // @unroll
        for (var slice = 0u; slice < SLICES; slice += 1u) {
            if slice * SLICE < params.head_width {
                if slice > 0u {
                    stage_rows(work, params.first_value, block, slice);
                    workgroupBarrier();
                }
                let old = acc[slice];
                let rescaled = Accumulator(old.q0 * rescale.x, old.q1 * rescale.y, old.q2 * rescale.z, old.q3 * rescale.w);
                acc[slice] = add_values(work, value_rows(work, block), rescaled);
                workgroupBarrier();
            }
        }
    }

    partial[work.keys * VEC4S + work.queries] = row_sum;
    workgroupBarrier();
    var sum = vec4<f32>(0.0);
    for (var four = 0u; four < VEC4S; four += 1u) { sum += partial[four * VEC4S + work.queries]; }
    let rows = output_rows(work);
    // @unroll
    for (var slice = 0u; slice < SLICES; slice += 1u) {
        let chunk = slice * SLICE + work.keys;
        if chunk < params.head_width {
            let outputs = array<Chunk, 4>(
                acc[slice].q0 / sum.x, acc[slice].q1 / sum.y, acc[slice].q2 / sum.z, acc[slice].q3 / sum.w);
            // @unroll
            for (var query = 0u; query < 4u; query += 1u) {
                if is_written(work, query) {
                    output[(rows[query] * params.heads + work.head) * params.head_width + chunk] = Stored(outputs[query]);
                }
            }
        }
    }
}
