// 4 x 4 outputs a lane: 8 loads from workgroup memory for 64 multiplications, and room for many workgroups at a time.
//
// provides: Accumulators, LANE_COLUMNS, LANE_ROWS, add_products, store_accumulators;
// needs: COLUMNS_VEC4, DOWN, add4, epilogue4, input_tile, weight_tile

const LANE_ROWS: u32 = 4u;
const LANE_COLUMNS: u32 = 4u;
alias Accumulators = array<vec4<f32>, 4>;

// The lines are written out because an accumulator that is indexed by a variable may end up in memory.
fn add_products(row: u32, column: u32, acc: ptr<function, Accumulators>) {
    let w = mat4x4<f32>(
        weight_tile[column],
        weight_tile[column + COLUMNS_VEC4],
        weight_tile[column + 2u * COLUMNS_VEC4],
        weight_tile[column + 3u * COLUMNS_VEC4],
    );
    (*acc)[0] = add4(input_tile[row], w, (*acc)[0]);
    (*acc)[1] = add4(input_tile[row + DOWN], w, (*acc)[1]);
    (*acc)[2] = add4(input_tile[row + 2u * DOWN], w, (*acc)[2]);
    (*acc)[3] = add4(input_tile[row + 3u * DOWN], w, (*acc)[3]);
}

fn store_accumulators(row: u32, rows: u32, column: u32, acc: ptr<function, Accumulators>) {
    epilogue4(row, rows, column, (*acc)[0]);
    epilogue4(row + DOWN, rows, column, (*acc)[1]);
    epilogue4(row + 2u * DOWN, rows, column, (*acc)[2]);
    epilogue4(row + 3u * DOWN, rows, column, (*acc)[3]);
}
