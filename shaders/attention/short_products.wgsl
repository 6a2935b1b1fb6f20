// The matrices of short_cooperative.wgsl, which the subgroups of a workgroup share out among them: each has some of one row of matrices.
//
// provides: multiply_keys, multiply_values, own_of;
// needs: EDGE, HEAD, HEAD_STRIDE, KEYS_AT, MatrixA, MatrixC, NUMBER_STRIDE, SLOTS, SLOT_ROWS, VALUE_STRIDE, load_a, load_b, same,
//   slot_lds, store_c

const MATRIX_STRIDE: u32 = EDGE / 4u;
const HEAD_MATRICES: u32 = HEAD / EDGE;

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
