// A tile's operands four at a time, where every row has whole fours, at multiples of four: one load each.
alias Four = vec4<Element>;
alias WeightFour = Weight;

// input[row, k .. k + 4], zero beyond the edges.
fn input_four(row: u32, rows: u32, k: u32) -> Four {
    if row >= rows || k >= params.inner { return Four(); }
    return input[(row * params.inner + k) / 4u];
}

// weight[k, column .. column + 4] of the used columns, zero beyond the edges.
fn weight_four(k: u32, column: u32) -> WeightFour {
    if k >= params.inner || column >= params.columns { return WeightFour(); }
    return weight[(k * params.weight_columns + params.first + column) / 4u];
}

fn unpacked_four(four: WeightFour) -> Four { return unpacked(four, 0u); }

fn finish_four(row: u32, rows: u32, column: u32, total: vec4<f32>) {
    if row < rows && column < params.columns { finish(row, column / 4u, total); }
}
