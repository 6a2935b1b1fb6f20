// A workgroup owns four matrices' rows of queries of a head and meets the keys 32 at a time (FlashAttention-2, Dao 2023):
// both products on tensor cores, f16 in and f32 out, and between them the softmax in f32, in powers of two. Outside of the
// matrices SHARING lanes share a query.
//
// WGSL has no way to the elements of a matrix, so scores and p pass through workgroup memory. Accumulators only do where a
// query's scores grow: its row_max is the largest score of its first block, and stays until one is larger by SLACK.
//
// provides: BLOCK_STRIDE, HALVES, HEAD_STRIDE, KEYS, NUMBERS, P_AT, ROWS, SCORE_STRIDE, VALUES_AT, attention, factor_lds, same;
// needs: Accumulators, EDGE, HEAD, LANES, LOWEST, OWNERS, QueryTile, SHORT, count_across, cu_seqlens, fetch, fetch_queries, get_numbers,
//   load_queries, multiply_keys, multiply_values, own_of, params, put_halves, query_tile, rescale, score_bias, stage, stage_queries,
//   write_outputs

const ROWS: u32 = 4u * EDGE;
const KEYS: u32 = 32u;
const SHARING: u32 = LANES / ROWS;
const OWN_FOURS: u32 = KEYS / 4u / SHARING; // of a query's scores, every so many

// In fours: rows below each other lie in different banks, and start at whole 16 bytes.
const HEAD_STRIDE: u32 = HEAD / 4u + 2u;
const BLOCK_STRIDE: u32 = KEYS / 4u + 2u;
const SCORE_STRIDE: u32 = KEYS / 4u + SHARING;
// Halves: keys [KEYS, HEAD_STRIDE], values [HEAD, BLOCK_STRIDE], and p [ROWS, BLOCK_STRIDE]. Queries are there before them.
const VALUES_AT: u32 = KEYS * HEAD_STRIDE;
const P_AT: u32 = VALUES_AT + HEAD * BLOCK_STRIDE;
const HALVES: u32 = P_AT + ROWS * BLOCK_STRIDE;
const NUMBERS: u32 = ROWS * SCORE_STRIDE; // q . k; or a matrix of each subgroup

const LOG2_E: f32 = 1.4426950408889634;
const UNSEEN: f32 = -1e30; // row_max before the first key: 2^(LOWEST - UNSEEN) is 0
const SLACK: f32 = 12.0; // p stays below 2^SLACK, which f16 holds

var<workgroup> factor_lds: array<f32, ROWS>; // what the accumulators of a row are to be multiplied by
var<workgroup> raised: u32; // whether one of them is not 1

// What is the same for a whole workgroup is said to be: else a driver that cannot see it keeps the lanes of a subgroup together by
// code around each barrier.
fn uniform_tile(tile: QueryTile) -> QueryTile {
    return QueryTile(same(tile.text), same(tile.position), same(tile.count), same(tile.row));
}

fn same(x: u32) -> u32 { return subgroupBroadcastFirst(x); }

@compute @workgroup_size(LANES)
fn attention(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
    @builtin(subgroup_invocation_id) within: u32,
    @builtin(subgroup_size) subgroup_size: u32,
    @builtin(subgroup_id) subgroup: u32,
    @builtin(num_subgroups) all_subgroups: u32,
) {
    if lane == 0u { raised = 0u; }
    let across = count_across(lane, all_subgroups, OWNERS);
    let tile = uniform_tile(query_tile(workgroup.x));
    let head = workgroup.y;
    let start = same(cu_seqlens[tile.text]);
    let length = same(cu_seqlens[tile.text + 1u]) - start;
    if length <= SHORT { return; } // short_cooperative.wgsl has it
    let last = tile.position + tile.count - 1u;
    let first = (tile.position - min(tile.position, params.window)) / KEYS * KEYS;
    let end = min(length, last + min(params.window, length) + 1u);
    let own = own_of(across, same(subgroup));

    let query = (subgroup * subgroup_size + within) / SHARING;
    let share = within % SHARING;
    let i = tile.position + min(query, tile.count - 1u);
    let low = i - min(i, params.window);
    let seen = min(length, i + min(params.window, length) + 1u) - low; // keys, from `low` on

    let queries_on_their_way = fetch_queries(tile, head, lane);
    let first_keys = fetch(start, first - KEYS, length, head, lane);
    stage_queries(queries_on_their_way, lane);
    workgroupBarrier();
    var queries = load_queries(own);
    workgroupBarrier();
    stage(first_keys, lane);
    workgroupBarrier();

    var acc: Accumulators;
    var row_max = UNSEEN;
    var row_sum = 0.0; // of the keys that this lane had
    for (var block = first; block < end; block += KEYS) {
        let on_their_way = fetch(start, block, length, head, lane);
        multiply_keys(&queries, own);
        workgroupBarrier();
        stage(on_their_way, lane);

        if same(query) < tile.count {
            var scores: array<vec4<f32>, OWN_FOURS>;
            var largest = LOWEST;
            // @unroll
            for (var s = 0u; s < OWN_FOURS; s += 1u) {
                let four = s * SHARING + share;
                let j = vec4<u32>(block + 4u * four) + vec4<u32>(0u, 1u, 2u, 3u);
                let near = min(j, vec4<u32>(length - 1u));
                let bias = vec4<f32>(
                    score_bias(head, i, near.x),
                    score_bias(head, i, near.y),
                    score_bias(head, i, near.z),
                    score_bias(head, i, near.w),
                );
                let products = get_numbers(query * SCORE_STRIDE + four);
                let score = fma(vec4<f32>(params.scale * LOG2_E), products, bias * LOG2_E);
                scores[s] = select(vec4<f32>(LOWEST), score, j - vec4<u32>(low) < vec4<u32>(seen));
                let two = max(scores[s].xy, scores[s].zw);
                largest = max(largest, max(two.x, two.y));
            }
            for (var s = 1u; s < SHARING; s *= 2u) { largest = max(largest, subgroupShuffleXor(largest, s)); }

            var factor = 1.0;
            if largest > row_max + SLACK {
                factor = exp2(row_max - largest);
                if row_max != UNSEEN { raised = 1u; }
                row_max = largest;
            }
            if share == 0u { factor_lds[query] = factor; }
            var sum = 0.0;
            // @unroll
            for (var s = 0u; s < OWN_FOURS; s += 1u) {
                let p = exp2(scores[s] - vec4<f32>(row_max));
                sum += (p.x + p.y) + (p.z + p.w);
                put_halves(P_AT + query * BLOCK_STRIDE + s * SHARING + share, vec4<f16>(p));
            }
            row_sum = fma(row_sum, factor, sum);
        }
        if same(workgroupUniformLoad(&raised)) != 0u {
            rescale(&acc, own, across, lane);
            if lane == 0u { raised = 0u; }
        }
        multiply_values(&acc, own, across);
    }

    for (var s = 1u; s < SHARING; s *= 2u) { row_sum += subgroupShuffleXor(row_sum, s); }
    if share == 0u { factor_lds[query] = 1.0 / row_sum; }
    write_outputs(&acc, own, across, tile, head, lane);
}
