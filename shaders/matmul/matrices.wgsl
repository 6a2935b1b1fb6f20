// A subgroup multiplies MATRICES_DOWN x MATRICES_ACROSS matrices: of 2 x 4 of them it loads 6 for 8 products. They are kept in
// registers, which wants numbers for their indices.
//
// provides: Accumulators, add_block, store_accumulator;
// needs: Accumulator, DEPTH, EDGE, MATRICES_ACROSS, MATRICES_DOWN, OperandB, STRIDE, fold_partial, load_a, load_b,
//   multiply_add, open_partial, store_matrix

const MATRICES: u32 = MATRICES_DOWN * MATRICES_ACROSS;
alias Accumulators = array<Accumulator, MATRICES>; // [MATRICES_DOWN, MATRICES_ACROSS]

// Adds the products of a staged block, whose own rows begin at `rows` and own columns at `columns`.
fn add_block(acc: ptr<function, Accumulators>, rows: u32, columns: u32) {
    var partial: Accumulators;
    // @unroll
    for (var i = 0u; i < MATRICES; i += 1u) { partial[i] = open_partial((*acc)[i]); }
    // @unroll
    for (var k = 0u; k < DEPTH; k += EDGE) {
        var b: array<OperandB, MATRICES_ACROSS>;
        // @unroll
        for (var j = 0u; j < MATRICES_ACROSS; j += 1u) { b[j] = load_b(columns + j * EDGE * STRIDE + k); }
        // @unroll
        for (var i = 0u; i < MATRICES_DOWN; i += 1u) {
            let a = load_a(rows + i * EDGE * STRIDE + k);
            // @unroll
            for (var j = 0u; j < MATRICES_ACROSS; j += 1u) {
                partial[i * MATRICES_ACROSS + j] = multiply_add(a, b[j], partial[i * MATRICES_ACROSS + j]);
            }
        }
    }
    // @unroll
    for (var i = 0u; i < MATRICES; i += 1u) { (*acc)[i] = fold_partial((*acc)[i], partial[i]); }
}

// Writes a matrix of the accumulators to memory, where `load_epilogue` finds it. An array that the variable of the loop over the
// rows of matrices indexed would lie in memory while the products are added too.
fn store_accumulator(acc: ptr<function, Accumulators>, down: u32, across: u32, slot: u32) {
    // @unroll
    for (var i = 0u; i < MATRICES; i += 1u) {
        if i == down * MATRICES_ACROSS + across { store_matrix((*acc)[i], slot); }
    }
}
