// A tile's operands are loaded in packets, by one load each: where every row has whole ones, at multiples of their size.
//
// Nothing is asked before a load, which would then be waited for: beyond the edges the last packet is loaded again. What comes of
// rows and columns that are not there is not stored, and what comes of k that are not there is made zero by `within`.
//
// provides: Addends4, addends4, epilogue4, load_input, load_weight, near, within;
// needs: Addends, DEPTH, Operand, PACKET, WHOLE_BLOCKS, WeightOperand, addends, epilogue, input, masked, params, weight, weight_packet

alias Addends4 = Addends;

// k + ahead, or the last k that a load can begin at, counted in `width`. Of whole blocks all is there or nothing, and what a lane
// adds to their k is the same for all of them.
fn near(k: u32, ahead: u32, width: u32) -> u32 {
    if WHOLE_BLOCKS == 1u { return min(k, params.inner - DEPTH) / width + ahead / width; }
    return min(k + ahead, params.inner - width) / width;
}

// input[row, k + ahead ..]
fn load_input(row: u32, rows: u32, k: u32, ahead: u32) -> Operand {
    return input[min(row, rows - 1u) * (params.inner / PACKET) + near(k, ahead, PACKET)];
}

// weight[k + ahead, column] of the used columns, and those behind it.
fn load_weight(k: u32, ahead: u32, column: u32) -> WeightOperand { return weight[weight_packet(k, ahead, column)]; }

// A packet of k, or as many columns: either none of it is there or all is.
fn within(x: Operand, k: u32, step: u32) -> Operand {
    if WHOLE_BLOCKS == 1u { return x; }
    return masked(x, k < params.inner);
}

// `column` and the three behind it.
fn addends4(row: u32, rows: u32, column: u32) -> Addends4 {
    return addends(min(row, rows - 1u), min(column, params.columns - 4u) / 4u);
}

fn epilogue4(row: u32, rows: u32, column: u32, acc: vec4<f32>, addends: Addends4) {
    if row < rows && column < params.columns { epilogue(row, column / 4u, acc, addends); }
}
