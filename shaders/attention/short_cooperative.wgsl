// A workgroup owns SLOTS matrices' rows of queries of a head, those of short texts, and meets all their keys at once: the keys of a row
// are among the rows of the workgroup. Both products on tensor cores, f16 in and f32 out, and between them the softmax in f32, in powers of
// two. Subgroups share out the rows of matrices among them; outside of the matrices SHARING lanes share a query.
//
// WGSL has no way to the elements of a matrix, so scores and p pass through workgroup memory, and last of all the outputs.
//
// provides: HALVES, HEAD_STRIDE, KEYS_AT, NUMBERS, NUMBER_STRIDE, VALUE_STRIDE, attention, same;
// needs: EDGE, HEAD, HEAD_FOURS, LANES, LOWEST, SHARED_ROWS, SLOTS, SLOT_ROWS, Stored, count_across, fetch_keys, fetch_queries,
//   fetch_values, get_numbers, multiply_keys, multiply_values, output, own_of, params, position_in, put_halves, query_row, score_bias,
//   slot_lds, slot_of, slots_hold, stage_rows, stage_values, wanted

const_assert SLOT_ROWS == EDGE;

const SHARING: u32 = LANES / SHARED_ROWS;
const OWN_FOURS: u32 = SHARED_ROWS / 4u / SHARING; // of a query's scores, every so many

// In fours: rows below each other lie in different banks, and start at whole 16 bytes.
const HEAD_STRIDE: u32 = HEAD / 4u + 2u;
const VALUE_STRIDE: u32 = SHARED_ROWS / 4u + 2u;
const NUMBER_STRIDE: u32 = max(SHARED_ROWS, HEAD) / 4u + SHARING;
// Halves: queries [SHARED_ROWS, HEAD_STRIDE], then p [SHARED_ROWS, VALUE_STRIDE], and keys [SHARED_ROWS, HEAD_STRIDE], then values
// [HEAD, VALUE_STRIDE].
const KEYS_AT: u32 = SHARED_ROWS * max(HEAD_STRIDE, VALUE_STRIDE);
const HALVES: u32 = KEYS_AT + max(SHARED_ROWS * HEAD_STRIDE, HEAD * VALUE_STRIDE);
const NUMBERS: u32 = SHARED_ROWS * NUMBER_STRIDE; // q . k, then the outputs

const UNSEEN: f32 = -1e30; // row_max before the first key: 2^(LOWEST - UNSEEN) is 0
const LOG2_E: f32 = 1.4426950408889634;

var<workgroup> factor_lds: array<f32, SHARED_ROWS>; // 1 / row_sum

// What is the same for a whole subgroup, or workgroup, is said to be.
fn same(x: u32) -> u32 { return subgroupBroadcastFirst(x); }

fn softmax(row: u32, share: u32, head: u32) {
    let slot = slot_lds[row / SLOT_ROWS];
    let i = position_in(slot, row);
    let low = i - min(i, params.window);
    let seen = min(slot.length, i + min(params.window, slot.length) + 1u) - low; // keys, from `low` on
    var scores: array<vec4<f32>, OWN_FOURS>;
    var row_max = UNSEEN;
    // @unroll
    for (var s = 0u; s < OWN_FOURS; s += 1u) {
        let four = s * SHARING + share;
        let j = vec4<u32>(4u * four) + vec4<u32>(0u, 1u, 2u, 3u) - vec4<u32>(slot.first * SLOT_ROWS);
        let near = min(j, vec4<u32>(slot.length - 1u));
        let bias = vec4<f32>(
            score_bias(head, i, near.x),
            score_bias(head, i, near.y),
            score_bias(head, i, near.z),
            score_bias(head, i, near.w),
        );
        let score = fma(vec4<f32>(params.scale * LOG2_E), get_numbers(row * NUMBER_STRIDE + four), bias * LOG2_E);
        // What lies beside the keys of the text is nothing at all.
        scores[s] = select(vec4<f32>(LOWEST), score, j - vec4<u32>(low) < vec4<u32>(seen));
        let two = max(scores[s].xy, scores[s].zw);
        row_max = max(row_max, max(two.x, two.y));
    }
    for (var s = 1u; s < SHARING; s *= 2u) { row_max = max(row_max, subgroupShuffleXor(row_max, s)); }
    var row_sum = 0.0;
    // @unroll
    for (var s = 0u; s < OWN_FOURS; s += 1u) {
        let p = exp2(scores[s] - vec4<f32>(row_max));
        row_sum += (p.x + p.y) + (p.z + p.w);
        put_halves(row * VALUE_STRIDE + s * SHARING + share, vec4<f16>(p));
    }
    for (var s = 1u; s < SHARING; s *= 2u) { row_sum += subgroupShuffleXor(row_sum, s); }
    if share == 0u { factor_lds[row] = 1.0 / row_sum; }
}

@compute @workgroup_size(LANES)
fn attention(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
    @builtin(subgroup_invocation_id) within: u32,
    @builtin(subgroup_size) subgroup_size: u32,
    @builtin(subgroup_id) subgroup: u32,
    @builtin(num_subgroups) all_subgroups: u32,
) {
    if !slots_hold(workgroup.x) { return; }
    if lane < SLOTS { slot_lds[lane] = slot_of(workgroup.x, lane); }
    let across = count_across(lane, all_subgroups, 4u * SLOTS);
    workgroupBarrier();
    let own = own_of(same(subgroup), across);
    let head = workgroup.y;
    let queries_on_their_way = fetch_queries(head, lane);
    let keys_on_their_way = fetch_keys(head, lane);
    let values_on_their_way = fetch_values(head, lane);
    stage_rows(queries_on_their_way, 0u, lane);
    stage_rows(keys_on_their_way, KEYS_AT, lane);
    workgroupBarrier();

    multiply_keys(own);
    workgroupBarrier();
    stage_values(values_on_their_way, lane);
    softmax((subgroup * subgroup_size + within) / SHARING, within % SHARING, head);
    workgroupBarrier();
    multiply_values(own);
    workgroupBarrier();
    for (var place = lane; place < SHARED_ROWS * HEAD_FOURS; place += LANES) {
        let row = place / HEAD_FOURS;
        let chunk = place % HEAD_FOURS;
        let slot = slot_lds[row / SLOT_ROWS];
        let position = slot.position + row % SLOT_ROWS;
        if position < slot.length && wanted(position) && chunk < params.head_width {
            let attended = get_numbers(row * NUMBER_STRIDE + chunk) * factor_lds[row];
            let own_row = query_row(slot.text, slot.start, position);
            output[(own_row * params.heads + head) * params.head_width + chunk] = Stored(attended);
        }
    }
}
