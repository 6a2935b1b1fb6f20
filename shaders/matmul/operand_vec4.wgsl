// A tile's operands are loaded four at a time, by one load each: where every row has whole fours, at multiples of four.
//
// provides: Operand4, Weight4, epilogue4, load_input4, load_weight4, unpack4;
// needs: Element, Weight, epilogue, input, params, unpack, weight

alias Operand4 = vec4<Element>;
alias Weight4 = Weight;

// input[row, k .. k + 4], zero beyond the edges.
fn load_input4(row: u32, rows: u32, k: u32) -> Operand4 {
    if row >= rows || k >= params.inner { return Operand4(0); }
    return input[(row * params.inner + k) / 4u];
}

// weight[k, column .. column + 4] of the used columns, zero beyond the edges.
fn load_weight4(k: u32, column: u32) -> Weight4 {
    if k >= params.inner || column >= params.columns { return Weight4(0); }
    return weight[(k * params.weight_columns + params.first + column) / 4u];
}

fn unpack4(stored: Weight4) -> Operand4 { return unpack(stored, 0u); }

fn epilogue4(row: u32, rows: u32, column: u32, acc: vec4<f32>) {
    if row < rows && column < params.columns { epilogue(row, column / 4u, acc); }
}
