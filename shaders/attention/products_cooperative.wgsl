// The two products of stream_cooperative.wgsl: each subgroup of the workgroup has a matrix of the answers at a time.

// The matrix that a subgroup multiplies in a round. Those that are left without one repeat the last, and drop it: control
// flow around matrices must be uniform.
struct Place { matrix: u32, answer: u32, stride: u32 }

fn place_of(round: u32, subgroup: u32, subgroups: u32, matrices: u32) -> Place {
    let wanted = round * subgroups + subgroup;
    let matrix = min(wanted, matrices - 1u);
    let answer = matrix % (ROWS / EDGE) * EDGE * ANSWERS + matrix / (ROWS / EDGE) * EDGE;
    if wanted < matrices { return Place(matrix, answer, ANSWERS); }
    return Place(matrix, ROWS * ANSWERS, EDGE);
}

// answers = queries . keys^T
fn multiply_keys(count: u32, subgroup: u32, subgroups: u32) {
    let matrices = ROWS / EDGE * ((count + EDGE - 1u) / EDGE);
    for (var round = 0u; round * subgroups < matrices; round += 1u) {
        let place = place_of(round, subgroup, subgroups, matrices);
        let query = place.matrix % (ROWS / EDGE) * EDGE * STRIDE;
        let key = place.matrix / (ROWS / EDGE) * EDGE * STRIDE;
        var sum = Sum();
        for (var c = 0u; c < HEAD; c += EDGE) {
            let left = coopLoadT<Left>(&queries_here[query + c], STRIDE);
            let right = coopLoad<Right>(&keys_here[key + c], STRIDE);
            sum = coopMultiplyAdd(left, right, sum);
        }
        let answer = place.answer;
        let stride = place.stride;
        coopStoreT(sum, &answers[answer], stride);
    }
}

// answers = weights . values
fn multiply_values(count: u32, subgroup: u32, subgroups: u32) {
    let matrices = ROWS / EDGE * (HEAD / EDGE);
    for (var round = 0u; round * subgroups < matrices; round += 1u) {
        let place = place_of(round, subgroup, subgroups, matrices);
        let query = place.matrix % (ROWS / EDGE) * EDGE * WEIGHTS;
        let column = place.matrix / (ROWS / EDGE) * EDGE;
        var sum = Sum();
        for (var key = 0u; key < count; key += EDGE) {
            let left = coopLoadT<Left>(&weights_here[query + key], WEIGHTS);
            let right = coopLoadT<Right>(&keys_here[key * STRIDE + column], STRIDE);
            sum = coopMultiplyAdd(left, right, sum);
        }
        let answer = place.answer;
        let stride = place.stride;
        coopStoreT(sum, &answers[answer], stride);
    }
}
