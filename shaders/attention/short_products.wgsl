// The matrices of short_cooperative.wgsl, which the subgroups of a workgroup share out among them: each has some of one row of matrices.
//
// provides: multiply_keys, multiply_values, own_of;
// needs: EDGE, HEAD, HEAD_STRIDE, KEYS_AT, MatrixA, MatrixC, NUMBER_STRIDE, SLOTS, SLOT_ROWS, VALUE_STRIDE, load_a, load_b, same,
//   slot_lds, store_c

const MATRIX_STRIDE: u32 = EDGE / 4u;
const HEAD_MATRICES: u32 = HEAD / EDGE;

// A subgroup's row of matrices, of whose columns it has `first`, `first + across`..., and the slots of the keys of the row's text: `keys`,
// from `key` on. All of it is the same for a whole subgroup, which control flow around matrices must be.
struct Own { row: u32, first: u32, across: u32, key: u32, keys: u32 }

fn own_of(subgroup: u32, subgroups: u32) -> Own {
    let across = select(select(1u, 2u, subgroups >= 2u * SLOTS), 4u, subgroups >= 4u * SLOTS);
    let owner = min(subgroup, across * SLOTS - 1u);
    let row = owner % SLOTS;
    let slot = slot_lds[row];
    return Own(row, owner / SLOTS, across, same(slot.first), same((slot.length + SLOT_ROWS - 1u) / SLOT_ROWS));
}

// number_lds = queries . keys^T. Subgroups that share a row all compute it.
fn multiply_keys(own: Own) {
    var query_matrices: array<MatrixA, HEAD_MATRICES>;
    // @unroll
    for (var k = 0u; k < HEAD_MATRICES; k += 1u) {
        query_matrices[k] = load_a(own.row * EDGE * HEAD_STRIDE + k * MATRIX_STRIDE, HEAD_STRIDE);
    }
    for (var column = own.key; column < own.key + own.keys; column += 1u) {
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
    for (var key = own.key; key < own.key + own.keys; key += 1u) {
        let p = load_a(own.row * EDGE * VALUE_STRIDE + key * MATRIX_STRIDE, VALUE_STRIDE);
        for (var c = 0u; c < HEAD_MATRICES; c += across) {
            let column = min(own.first + c, HEAD_MATRICES - 1u);
            let values = load_b(KEYS_AT + column * EDGE * VALUE_STRIDE + key * MATRIX_STRIDE, VALUE_STRIDE);
            acc[c / across] = coopMultiplyAdd(p, values, acc[c / across]);
        }
    }
    for (var c = 0u; c < HEAD_MATRICES; c += across) {
        let column = min(own.first + c, HEAD_MATRICES - 1u); // where there are fewer, the last is computed twice
        store_c(acc[c / across], own.row * EDGE * NUMBER_STRIDE + column * MATRIX_STRIDE, NUMBER_STRIDE);
    }
}
