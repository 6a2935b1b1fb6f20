// A workgroup owns SLOTS matrices' rows of queries of a head, those of short texts, and meets all their keys at once: the keys of a row
// are among the rows of the workgroup. Both products on tensor cores, f16 in and f32 out, and between them the softmax in f32, in powers of
// two. Subgroups share out the rows of matrices among them; outside of the matrices SHARING lanes share a query.
//
// WGSL has no way to the elements of a matrix, so scores and p pass through workgroup memory, and last of all the outputs.
//
// provides: HALVES, HEAD_STRIDE, KEYS_AT, NUMBERS, VALUE_STRIDE, attention;
// needs: EDGE, HEAD, HEAD_FOURS, LANES, LOWEST, MatrixA, MatrixC, SHARED_ROWS, SLOTS, SLOT_ROWS, Stored, fetch_keys, fetch_queries,
//   fetch_values, get_numbers, load_a, load_b, output, params, position_in, put_halves, query_row, score_bias, slot_lds, slot_of,
//   slots_hold, stage_rows, stage_values, store_c, wanted

const SHARING: u32 = LANES / SHARED_ROWS;
const OWN_FOURS: u32 = SHARED_ROWS / 4u / SHARING; // of a query's scores, every so many
const MATRIX_STRIDE: u32 = EDGE / 4u;
const HEAD_MATRICES: u32 = HEAD / EDGE;

// In fours: rows below each other lie in different banks, and start at whole 16 bytes.
const HEAD_STRIDE: u32 = HEAD / 4u + 2u;
const VALUE_STRIDE: u32 = SHARED_ROWS / 4u + 2u;
const NUMBER_STRIDE: u32 = max(SHARED_ROWS, HEAD) / 4u + SHARING;
// Halves: queries [SHARED_ROWS, HEAD_STRIDE], then p [SHARED_ROWS, VALUE_STRIDE], and keys [SHARED_ROWS, HEAD_STRIDE], then values
// [HEAD, VALUE_STRIDE].
const KEYS_AT: u32 = SHARED_ROWS * max(HEAD_STRIDE, VALUE_STRIDE);
const HALVES: u32 = KEYS_AT + max(SHARED_ROWS * HEAD_STRIDE, HEAD * VALUE_STRIDE);
const NUMBERS: u32 = SHARED_ROWS * NUMBER_STRIDE; // q . k, then the outputs

const LOG2_E: f32 = 1.4426950408889634;

var<workgroup> factor_lds: array<f32, SHARED_ROWS>; // 1 / row_sum
var<workgroup> subgroup_count: u32; // what is loaded from here is uniform

// What is the same for a whole subgroup, or workgroup, is said to be.
fn same(x: u32) -> u32 { return subgroupBroadcastFirst(x); }

// A subgroup's row of matrices, of whose columns it has `first`, `first + across`..., and the slots of the keys of the row's text. Control
// flow around matrices must be uniform, so that all rows take the `span` steps of the longest text.
struct Own { row: u32, first: u32, across: u32, key: u32, keys: u32, span: u32 }

fn keys_of(slot: u32) -> u32 { return (slot_lds[slot].length + SLOT_ROWS - 1u) / SLOT_ROWS; }

fn own_of(subgroup: u32, subgroups: u32) -> Own {
    let across = select(select(1u, 2u, subgroups >= 2u * SLOTS), 4u, subgroups >= 4u * SLOTS);
    let owner = min(subgroup, across * SLOTS - 1u);
    let row = owner % SLOTS;
    var span = 1u;
    for (var slot = 0u; slot < SLOTS; slot += 1u) { span = max(span, keys_of(slot)); }
    return Own(row, owner / SLOTS, across, same(slot_lds[row].first), same(keys_of(row)), same(span));
}

// number_lds = queries . keys^T. A text that has fewer keys than steps has its last ones again. Subgroups that share a row all compute it.
fn multiply_keys(own: Own) {
    var query_matrices: array<MatrixA, HEAD_MATRICES>;
    // @unroll
    for (var k = 0u; k < HEAD_MATRICES; k += 1u) {
        query_matrices[k] = load_a(own.row * EDGE * HEAD_STRIDE + k * MATRIX_STRIDE, HEAD_STRIDE);
    }
    for (var step = 0u; step < own.span; step += 1u) {
        let column = own.key + min(step, own.keys - 1u);
        var sum = MatrixC();
        // @unroll
        for (var k = 0u; k < HEAD_MATRICES; k += 1u) {
            let keys = load_b(KEYS_AT + column * EDGE * HEAD_STRIDE + k * MATRIX_STRIDE, HEAD_STRIDE);
            sum = coopMultiplyAdd(query_matrices[k], keys, sum);
        }
        store_c(sum, own.row * EDGE * NUMBER_STRIDE + column * MATRIX_STRIDE, NUMBER_STRIDE);
    }
}

// number_lds = p . values
fn multiply_values(own: Own) {
    // With a number that compilers know they unroll the loops.
    switch own.across {
        case 1u: { multiply_own_values(own, 1u); }
        case 2u: { multiply_own_values(own, 2u); }
        default: { multiply_own_values(own, 4u); }
    }
}

fn multiply_own_values(own: Own, across: u32) {
    var acc: array<MatrixC, HEAD_MATRICES>;
    for (var step = 0u; step < own.span; step += 1u) {
        // Of steps that the text has no keys for, p is that of other texts' keys: 0.
        let p = load_a(own.row * EDGE * VALUE_STRIDE + (own.key + step) % SLOTS * MATRIX_STRIDE, VALUE_STRIDE);
        let row = KEYS_AT + (own.key + min(step, own.keys - 1u)) * MATRIX_STRIDE;
        for (var c = 0u; c < HEAD_MATRICES; c += across) {
            let column = min(own.first + c, HEAD_MATRICES - 1u);
            let values = load_b(row + column * EDGE * VALUE_STRIDE, VALUE_STRIDE);
            acc[c / across] = coopMultiplyAdd(p, values, acc[c / across]);
        }
    }
    for (var c = 0u; c < HEAD_MATRICES; c += across) {
        let column = min(own.first + c, HEAD_MATRICES - 1u); // where there are fewer, the last is computed twice
        store_c(acc[c / across], own.row * EDGE * NUMBER_STRIDE + column * MATRIX_STRIDE, NUMBER_STRIDE);
    }
}

fn softmax(row: u32, share: u32, head: u32) {
    let slot = slot_lds[row / SLOT_ROWS];
    let i = position_in(slot, row);
    let low = i - min(i, params.window);
    let seen = min(slot.length, i + min(params.window, slot.length) + 1u) - low; // keys, from `low` on
    var scores: array<vec4<f32>, OWN_FOURS>;
    var row_max = LOWEST;
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
    if lane == 0u { subgroup_count = all_subgroups; }
    let subgroups = same(workgroupUniformLoad(&subgroup_count));
    let own = own_of(same(subgroup), subgroups);
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
