// A tile's operands are loaded four at a time, each of the four by itself: for rows of any width.
//
// Nothing is asked before a load, which would then be waited for: beyond the edges the last element is loaded again. What comes
// of rows and columns that are not there is not stored, and what comes of k that are not there is made zero by `within`.
//
// provides: Addends4, Input, Operand, PACKET, WeightOperand, addends4, epilogue4, four_of, load_input, load_weight, near,
//   unpack_operand, within;
// needs: Addends, Element, NEXT_COLUMN, NEXT_K, Stored, addends, epilogue, input, params, unpack, weight, weight_index,
//   weight_place

const PACKET: u32 = 4u;
alias Input = Stored;
alias Operand = vec4<Element>;
alias WeightOperand = Operand;
alias Addends4 = array<Addends, 4>;

// k + ahead, or the last k that a load can begin at, counted in `width`.
fn near(k: u32, ahead: u32, width: u32) -> u32 { return min(k + ahead, params.inner - width) / width; }

fn input_at(row: u32, rows: u32, k: u32, ahead: u32) -> Element {
    return input[min(row, rows - 1u) * params.inner + near(k, ahead, 1u)];
}

fn weight_at(k: u32, ahead: u32, column: u32) -> Element {
    let place = weight_place(near(k, ahead, 1u), min(column, params.columns - 1u));
    return unpack(weight[weight_index(place)], place);
}

// input[row, k + ahead ..]
fn load_input(row: u32, rows: u32, k: u32, ahead: u32) -> Operand {
    let low = vec2<Element>(input_at(row, rows, k, ahead), input_at(row, rows, k, ahead + 1u));
    return Operand(low, vec2<Element>(input_at(row, rows, k, ahead + 2u), input_at(row, rows, k, ahead + 3u)));
}

// weight[k + ahead, column] of the used columns, and those behind it.
fn load_weight(k: u32, ahead: u32, column: u32) -> WeightOperand {
    let low = vec2<Element>(weight_at(k, ahead, column), weight_at(k, ahead + NEXT_K, column + NEXT_COLUMN));
    let third = weight_at(k, ahead + 2u * NEXT_K, column + 2u * NEXT_COLUMN);
    return WeightOperand(low, vec2<Element>(third, weight_at(k, ahead + 3u * NEXT_K, column + 3u * NEXT_COLUMN)));
}

fn unpack_operand(stored: WeightOperand) -> Operand { return stored; }
fn four_of(x: Operand, i: u32) -> vec4<Element> { return x; }

// Four of k and the next, if these are steps of 1, or all of k.
fn within(x: Operand, k: u32, step: u32) -> Operand {
    return select(Operand(0), x, vec4<u32>(k) + step * vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(params.inner));
}

fn addends_at(row: u32, rows: u32, column: u32) -> Addends {
    return addends(min(row, rows - 1u), min(column, params.columns - 1u));
}

// `column` and the three behind it.
fn addends4(row: u32, rows: u32, column: u32) -> Addends4 {
    return Addends4(
        addends_at(row, rows, column),
        addends_at(row, rows, column + 1u),
        addends_at(row, rows, column + 2u),
        addends_at(row, rows, column + 3u),
    );
}

fn epilogue_at(row: u32, rows: u32, column: u32, acc: f32, addends: Addends) {
    if row < rows && column < params.columns { epilogue(row, column, acc, addends); }
}

fn epilogue4(row: u32, rows: u32, column: u32, acc: vec4<f32>, addends: Addends4) {
    epilogue_at(row, rows, column, acc.x, addends[0]);
    epilogue_at(row, rows, column + 1u, acc.y, addends[1]);
    epilogue_at(row, rows, column + 2u, acc.z, addends[2]);
    epilogue_at(row, rows, column + 3u, acc.w, addends[3]);
}
