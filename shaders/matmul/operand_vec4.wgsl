// A tile's operands are loaded four at a time, by one load each: where every row has whole fours, at multiples of four, and whole
// runs of RUN of them where they are loaded in runs.
//
// Nothing is asked before a load, which would then be waited for: beyond the edges the last four are loaded again. What comes of
// rows and columns that are not there is not stored, and what comes of k that are not there is made zero by `within`.
//
// provides: Operand4, Weight4, epilogue4, load_input4, load_weight4, unpack4, within;
// needs: Element, NEXT_COLUMN, NEXT_K, RUN, Weight, epilogue, input, params, unpack, weight, weight_place

alias Operand4 = vec4<Element>;
alias Weight4 = Weight;

// input[row, k .. k + 4], of the run-th four behind k.
fn load_input4(row: u32, rows: u32, k: u32, run: u32) -> Operand4 {
    return input[(min(row, rows - 1u) * params.inner + min(k, params.inner - 4u * RUN)) / 4u + run];
}

// weight[k, column] of the used columns and the three behind it, of the run-th four behind them.
fn load_weight4(k: u32, column: u32, run: u32) -> Weight4 {
    let last_k = params.inner - max(1u, 4u * RUN * NEXT_K);
    let last_column = params.columns - max(1u, 4u * RUN * NEXT_COLUMN);
    return weight[weight_place(min(k, last_k), min(column, last_column)) / 4u + run];
}

fn unpack4(stored: Weight4) -> Operand4 { return unpack(stored, 0u); }

// Four of k and the next, or all of k: either none is there or all are.
fn within(x: Operand4, k: u32, step: u32) -> Operand4 { return select(Operand4(0), x, k < params.inner); }

fn epilogue4(row: u32, rows: u32, column: u32, acc: vec4<f32>) {
    if row < rows && column < params.columns { epilogue(row, column / 4u, acc); }
}
