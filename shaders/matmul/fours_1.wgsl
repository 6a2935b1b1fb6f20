// A tile's operands four at a time, each of the four by itself: for rows of any width.
alias Four = vec4<Element>;
alias WeightFour = Four;

fn input_at(row: u32, rows: u32, k: u32) -> Element {
    if row >= rows || k >= params.inner { return Element(); }
    return input[row * params.inner + k];
}

fn weight_at(k: u32, column: u32) -> Element {
    if k >= params.inner || column >= params.columns { return Element(); }
    let place = k * params.weight_columns + params.first + column;
    return unpacked(weight[weight_index(place)], place);
}

fn finish_at(row: u32, rows: u32, column: u32, total: f32) {
    if row < rows && column < params.columns { finish(row, column, total); }
}

// input[row, k .. k + 4], zero beyond the edges.
fn input_four(row: u32, rows: u32, k: u32) -> Four {
    let low = vec2<Element>(input_at(row, rows, k), input_at(row, rows, k + 1u));
    return Four(low, vec2<Element>(input_at(row, rows, k + 2u), input_at(row, rows, k + 3u)));
}

// weight[k, column .. column + 4] of the used columns, zero beyond the edges.
fn weight_four(k: u32, column: u32) -> WeightFour {
    let low = vec2<Element>(weight_at(k, column), weight_at(k, column + 1u));
    return WeightFour(low, vec2<Element>(weight_at(k, column + 2u), weight_at(k, column + 3u)));
}

fn unpacked_four(four: WeightFour) -> Four { return four; }

fn finish_four(row: u32, rows: u32, column: u32, total: vec4<f32>) {
    finish_at(row, rows, column, total.x);
    finish_at(row, rows, column + 1u, total.y);
    finish_at(row, rows, column + 2u, total.z);
    finish_at(row, rows, column + 3u, total.w);
}
