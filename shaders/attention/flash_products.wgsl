// The two products of flash_cooperative.wgsl: each subgroup of the workgroup computes a matrix of them at a time.
//
// provides: multiply_keys, multiply_values;
// needs: EDGE, HEAD, HEAD_STRIDE, MatrixA, MatrixB, MatrixC, PRODUCT_STRIDE, P_STRIDE, ROWS, key_lds, p_lds,
//   product_lds, query_lds

// The matrix that a subgroup computes in a round. Subgroups that are left without one repeat the last, and drop it: control
// flow around matrices must be uniform.
struct Place { matrix: u32, product: u32, stride: u32 }

fn place_of(round: u32, subgroup: u32, subgroups: u32, matrices: u32) -> Place {
    let wanted = round * subgroups + subgroup;
    let matrix = min(wanted, matrices - 1u);
    let product = matrix % (ROWS / EDGE) * EDGE * PRODUCT_STRIDE + matrix / (ROWS / EDGE) * EDGE;
    if wanted < matrices { return Place(matrix, product, PRODUCT_STRIDE); }
    return Place(matrix, ROWS * PRODUCT_STRIDE, EDGE);
}

// product_lds = queries . keys^T
fn multiply_keys(count: u32, subgroup: u32, subgroups: u32) {
    let matrices = ROWS / EDGE * ((count + EDGE - 1u) / EDGE);
    for (var round = 0u; round * subgroups < matrices; round += 1u) {
        let place = place_of(round, subgroup, subgroups, matrices);
        let query = place.matrix % (ROWS / EDGE) * EDGE * HEAD_STRIDE;
        let key = place.matrix / (ROWS / EDGE) * EDGE * HEAD_STRIDE;
        var sum = MatrixC();
        for (var c = 0u; c < HEAD; c += EDGE) {
            let a = coopLoadT<MatrixA>(&query_lds[query + c], HEAD_STRIDE);
            let b = coopLoad<MatrixB>(&key_lds[key + c], HEAD_STRIDE);
            sum = coopMultiplyAdd(a, b, sum);
        }
        let product = place.product;
        let stride = place.stride;
        coopStoreT(sum, &product_lds[product], stride);
    }
}

// product_lds = p . values
fn multiply_values(count: u32, subgroup: u32, subgroups: u32) {
    let matrices = ROWS / EDGE * (HEAD / EDGE);
    for (var round = 0u; round * subgroups < matrices; round += 1u) {
        let place = place_of(round, subgroup, subgroups, matrices);
        let query = place.matrix % (ROWS / EDGE) * EDGE * P_STRIDE;
        let column = place.matrix / (ROWS / EDGE) * EDGE;
        var sum = MatrixC();
        for (var key = 0u; key < count; key += EDGE) {
            let a = coopLoadT<MatrixA>(&p_lds[query + key], P_STRIDE);
            let b = coopLoadT<MatrixB>(&key_lds[key * HEAD_STRIDE + column], HEAD_STRIDE);
            sum = coopMultiplyAdd(a, b, sum);
        }
        let product = place.product;
        let stride = place.stride;
        coopStoreT(sum, &product_lds[product], stride);
    }
}
