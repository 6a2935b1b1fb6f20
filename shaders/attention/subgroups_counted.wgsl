// The adapter's subgroups have several sizes: how many a workgroup has, the driver decides.
//
// provides: count_across, multiply_columns; needs: Accumulators, HEAD_MATRICES, Own, Weights, add_product, same

var<workgroup> subgroup_count: u32; // what is loaded from here is uniform

// How many subgroups share a row of matrices, where there is room for the matrices of so many: 1, 2 or 4.
fn count_across(lane: u32, subgroups: u32, room: u32) -> u32 {
    if lane == 0u { subgroup_count = subgroups; }
    let owners = min(same(workgroupUniformLoad(&subgroup_count)), room);
    return select(select(1u, 2u, owners >= 8u), 4u, owners >= 16u);
}

// The products of p and a subgroup's columns of the values.
fn multiply_columns(acc: ptr<function, Accumulators>, p: ptr<function, Weights>, own: Own, key: u32, across: u32) {
    // With a number that compilers know they unroll the loop.
    switch across {
        case 1u: { multiply_every(acc, p, own, key, 1u); }
        case 2u: { multiply_every(acc, p, own, key, 2u); }
        default: { multiply_every(acc, p, own, key, 4u); }
    }
}

fn multiply_every(acc: ptr<function, Accumulators>, p: ptr<function, Weights>, own: Own, key: u32, across: u32) {
    for (var c = 0u; c < HEAD_MATRICES; c += across) {
        (*acc)[c / across] = add_product((*acc)[c / across], p, own, c, key);
    }
}
