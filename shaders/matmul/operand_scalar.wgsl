// A tile's operands are loaded four at a time, each of the four by itself: for rows of any width.
//
// provides: Operand4, Weight4, epilogue4, load_input4, load_weight4, unpack4;
// needs: Element, epilogue, input, params, unpack, weight, weight_index

alias Operand4 = vec4<Element>;
alias Weight4 = Operand4;

fn input_at(row: u32, rows: u32, k: u32) -> Element {
    if row >= rows || k >= params.inner { return Element(0); }
    return input[row * params.inner + k];
}

fn weight_at(k: u32, column: u32) -> Element {
    if k >= params.inner || column >= params.columns { return Element(0); }
    let place = k * params.weight_columns + params.first + column;
    return unpack(weight[weight_index(place)], place);
}

fn epilogue_at(row: u32, rows: u32, column: u32, acc: f32) {
    if row < rows && column < params.columns { epilogue(row, column, acc); }
}

// input[row, k .. k + 4], zero beyond the edges.
fn load_input4(row: u32, rows: u32, k: u32) -> Operand4 {
    let low = vec2<Element>(input_at(row, rows, k), input_at(row, rows, k + 1u));
    return Operand4(low, vec2<Element>(input_at(row, rows, k + 2u), input_at(row, rows, k + 3u)));
}

// weight[k, column .. column + 4] of the used columns, zero beyond the edges.
fn load_weight4(k: u32, column: u32) -> Weight4 {
    let low = vec2<Element>(weight_at(k, column), weight_at(k, column + 1u));
    return Weight4(low, vec2<Element>(weight_at(k, column + 2u), weight_at(k, column + 3u)));
}

fn unpack4(stored: Weight4) -> Operand4 { return stored; }

fn epilogue4(row: u32, rows: u32, column: u32, acc: vec4<f32>) {
    epilogue_at(row, rows, column, acc.x);
    epilogue_at(row, rows, column + 1u, acc.y);
    epilogue_at(row, rows, column + 2u, acc.z);
    epilogue_at(row, rows, column + 3u, acc.w);
}
