// A tile's operands are loaded four at a time, each of the four by itself: for rows of any width.
//
// Nothing is asked before a load, which would then be waited for: beyond the edges the last element is loaded again. What comes
// of rows and columns that are not there is not stored, and what comes of k that are not there is made zero by `within`.
//
// provides: Operand4, Weight4, epilogue4, load_input4, load_weight4, unpack4, within;
// needs: Element, NEXT_COLUMN, NEXT_K, epilogue, input, params, unpack, weight, weight_index, weight_place

alias Operand4 = vec4<Element>;
alias Weight4 = Operand4;

fn input_at(row: u32, rows: u32, k: u32) -> Element {
    return input[min(row, rows - 1u) * params.inner + min(k, params.inner - 1u)];
}

fn weight_at(k: u32, column: u32) -> Element {
    let place = weight_place(min(k, params.inner - 1u), min(column, params.columns - 1u));
    return unpack(weight[weight_index(place)], place);
}

fn epilogue_at(row: u32, rows: u32, column: u32, acc: f32) {
    if row < rows && column < params.columns { epilogue(row, column, acc); }
}

// input[row, k .. k + 4], of the run-th four behind k.
fn load_input4(row: u32, rows: u32, k: u32, run: u32) -> Operand4 {
    let own = k + 4u * run;
    let low = vec2<Element>(input_at(row, rows, own), input_at(row, rows, own + 1u));
    return Operand4(low, vec2<Element>(input_at(row, rows, own + 2u), input_at(row, rows, own + 3u)));
}

// weight[k, column] of the used columns and the three behind it, of the run-th four behind them.
fn load_weight4(k: u32, column: u32, run: u32) -> Weight4 {
    let own = vec2<u32>(k, column) + 4u * run * vec2<u32>(NEXT_K, NEXT_COLUMN);
    let low = vec2<Element>(weight_at(own.x, own.y), weight_at(own.x + NEXT_K, own.y + NEXT_COLUMN));
    let third = weight_at(own.x + 2u * NEXT_K, own.y + 2u * NEXT_COLUMN);
    return Weight4(low, vec2<Element>(third, weight_at(own.x + 3u * NEXT_K, own.y + 3u * NEXT_COLUMN)));
}

fn unpack4(stored: Weight4) -> Operand4 { return stored; }

// Four of k and the next, if these are steps of 1, or all of k.
fn within(x: Operand4, k: u32, step: u32) -> Operand4 {
    return select(Operand4(0), x, vec4<u32>(k) + step * vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(params.inner));
}

fn epilogue4(row: u32, rows: u32, column: u32, acc: vec4<f32>) {
    epilogue_at(row, rows, column, acc.x);
    epilogue_at(row, rows, column + 1u, acc.y);
    epilogue_at(row, rows, column + 2u, acc.z);
    epilogue_at(row, rows, column + 3u, acc.w);
}
