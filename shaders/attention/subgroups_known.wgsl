// Every subgroup of the adapter has the same size: ACROSS of them share a row of matrices.
//
// provides: count_across, multiply_columns; needs: ACROSS, Accumulators, HEAD_MATRICES, Own, Weights, add_product

fn count_across(lane: u32, subgroups: u32, room: u32) -> u32 { return ACROSS; }

// The products of p and a subgroup's columns of the values.
fn multiply_columns(acc: ptr<function, Accumulators>, p: ptr<function, Weights>, own: Own, key: u32, across: u32) {
    // @unroll
    for (var c = 0u; c < HEAD_MATRICES; c += ACROSS) {
        (*acc)[c / ACROSS] = add_product((*acc)[c / ACROSS], p, own, c, key);
    }
}
