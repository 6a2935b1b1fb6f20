// A subgroup multiplies MATRICES_DOWN x MATRICES_ACROSS matrices: of 2 x 4 of them it loads 6 for 8 products. Drivers unroll
// the loops over so few matrices, and keep them in registers.
//
// provides: Accumulators, MATRICES, add_block, store_accumulator;
// needs: Accumulator, DEPTH, EDGE, MATRICES_ACROSS, MATRICES_DOWN, OperandB, STRIDE, fold_partial, load_a, load_b,
//   multiply_add, open_partial, store_matrix

const MATRICES: u32 = MATRICES_DOWN * MATRICES_ACROSS;
alias Accumulators = array<Accumulator, MATRICES>; // [MATRICES_DOWN, MATRICES_ACROSS]

// Adds the products of a staged block, whose own rows begin at `rows` and own columns at `columns`.
fn add_block(acc: ptr<function, Accumulators>, rows: u32, columns: u32) {
    var partial: Accumulators;
    for (var i = 0u; i < MATRICES; i += 1u) { partial[i] = open_partial((*acc)[i]); }
    for (var k = 0u; k < DEPTH; k += EDGE) {
        var b: array<OperandB, MATRICES_ACROSS>;
        for (var j = 0u; j < MATRICES_ACROSS; j += 1u) { b[j] = load_b(columns + j * EDGE * STRIDE + k); }
        for (var i = 0u; i < MATRICES_DOWN; i += 1u) {
            let a = load_a(rows + i * EDGE * STRIDE + k);
            for (var j = 0u; j < MATRICES_ACROSS; j += 1u) {
                let place = i * MATRICES_ACROSS + j;
                partial[place] = multiply_add(a, b[j], partial[place]);
            }
        }
    }
    for (var i = 0u; i < MATRICES; i += 1u) { (*acc)[i] = fold_partial((*acc)[i], partial[i]); }
}

// Writes a matrix of the accumulators to memory, where `load_epilogue` finds it. The loop over the epilogue is too long to
// unroll, and an array that its variable indexed would lie in memory while the products are added too.
fn store_accumulator(acc: ptr<function, Accumulators>, matrix: u32, slot: u32) {
    for (var i = 0u; i < MATRICES; i += 1u) {
        if i == matrix { store_matrix((*acc)[i], slot); }
    }
}
