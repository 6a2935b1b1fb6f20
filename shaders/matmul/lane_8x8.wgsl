// 8 x 8 outputs a lane: 16 loads from workgroup memory for 256 multiplications.
//
// provides: Accumulators, LANE_COLUMNS, LANE_ROWS, add_products, store_accumulators;
// needs: ACROSS, COLUMNS_VEC4, DOWN, add4, epilogue4, input_tile, weight_tile

const LANE_ROWS: u32 = 8u;
const LANE_COLUMNS: u32 = 8u;
struct Vec8 { left: vec4<f32>, right: vec4<f32> }
alias Accumulators = array<Vec8, 8>;

fn add8(x: vec4<f32>, left: mat4x4<f32>, right: mat4x4<f32>, acc: Vec8) -> Vec8 {
    return Vec8(add4(x, left, acc.left), add4(x, right, acc.right));
}

// Four columns of the weight's staged block, four k of each.
fn columns_at(place: u32) -> mat4x4<f32> {
    return mat4x4<f32>(
        weight_tile[place],
        weight_tile[place + COLUMNS_VEC4],
        weight_tile[place + 2u * COLUMNS_VEC4],
        weight_tile[place + 3u * COLUMNS_VEC4],
    );
}

// The lines are written out because an accumulator that is indexed by a variable may end up in memory.
fn add_products(row: u32, column: u32, acc: ptr<function, Accumulators>) {
    let left = columns_at(column);
    let right = columns_at(column + ACROSS);
    (*acc)[0] = add8(input_tile[row], left, right, (*acc)[0]);
    (*acc)[1] = add8(input_tile[row + DOWN], left, right, (*acc)[1]);
    (*acc)[2] = add8(input_tile[row + 2u * DOWN], left, right, (*acc)[2]);
    (*acc)[3] = add8(input_tile[row + 3u * DOWN], left, right, (*acc)[3]);
    (*acc)[4] = add8(input_tile[row + 4u * DOWN], left, right, (*acc)[4]);
    (*acc)[5] = add8(input_tile[row + 5u * DOWN], left, right, (*acc)[5]);
    (*acc)[6] = add8(input_tile[row + 6u * DOWN], left, right, (*acc)[6]);
    (*acc)[7] = add8(input_tile[row + 7u * DOWN], left, right, (*acc)[7]);
}

fn epilogue8(row: u32, rows: u32, column: u32, acc: Vec8) {
    epilogue4(row, rows, column, acc.left);
    epilogue4(row, rows, column + 4u * ACROSS, acc.right);
}

fn store_accumulators(row: u32, rows: u32, column: u32, acc: ptr<function, Accumulators>) {
    epilogue8(row, rows, column, (*acc)[0]);
    epilogue8(row + DOWN, rows, column, (*acc)[1]);
    epilogue8(row + 2u * DOWN, rows, column, (*acc)[2]);
    epilogue8(row + 3u * DOWN, rows, column, (*acc)[3]);
    epilogue8(row + 4u * DOWN, rows, column, (*acc)[4]);
    epilogue8(row + 5u * DOWN, rows, column, (*acc)[5]);
    epilogue8(row + 6u * DOWN, rows, column, (*acc)[6]);
    epilogue8(row + 7u * DOWN, rows, column, (*acc)[7]);
}
