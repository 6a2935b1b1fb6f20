// The matrices of short_cooperative.wgsl, which the subgroups of a workgroup share out among them: each has some of one row of matrices.
//
// provides: Accumulators, HEAD_MATRICES, Own, Weights, add_product, multiply_keys, multiply_values, own_of;
// needs: EDGE, HEAD, HEAD_STRIDE, KEYS_AT, MatrixA, MatrixC, NUMBER_STRIDE, SLOTS, SLOT_ROWS, VALUE_STRIDE, load_a, load_b,
//   multiply_columns, same, slot_lds, store_c

const MATRIX_STRIDE: u32 = EDGE / 4u;
const HEAD_MATRICES: u32 = HEAD / EDGE;

alias Accumulators = array<MatrixC, HEAD_MATRICES>;
alias Weights = array<MatrixA, 1>; // p of a slot of keys

// A subgroup's row of matrices, of whose columns it has `first`, `first + across`..., and the slots of the keys of the row's text: `keys`,
// from `key` on. All of it is the same for a whole subgroup, which control flow around matrices must be.
struct Own { row: u32, first: u32, across: u32, key: u32, keys: u32 }

fn own_of(subgroup: u32, across: u32) -> Own {
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
    var acc: Accumulators;
    for (var key = own.key; key < own.key + own.keys; key += 1u) {
        var p: Weights;
        p[0u] = load_a(own.row * EDGE * VALUE_STRIDE + key * MATRIX_STRIDE, VALUE_STRIDE);
        multiply_columns(&acc, &p, own, key, own.across);
    }
    // @unroll
    for (var m = 0u; m < HEAD_MATRICES; m += 1u) {
        if m * own.across < HEAD_MATRICES {
            let column = column_of(own, m * own.across);
            store_c(acc[m], own.row * EDGE * NUMBER_STRIDE + column * MATRIX_STRIDE, NUMBER_STRIDE);
        }
    }
}

// The subgroup's column `c` further than its first; where there are fewer, the last is computed twice.
fn column_of(own: Own, c: u32) -> u32 { return min(own.first + c, HEAD_MATRICES - 1u); }

// What is added to an accumulator: p of a slot of keys and that column of its values.
fn add_product(acc: MatrixC, p: ptr<function, Weights>, own: Own, c: u32, key: u32) -> MatrixC {
    let values = load_b(KEYS_AT + column_of(own, c) * EDGE * VALUE_STRIDE + key * MATRIX_STRIDE, VALUE_STRIDE);
    return coopMultiplyAdd((*p)[0u], values, acc);
}
