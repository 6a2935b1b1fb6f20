// 4 x 4 outputs a lane: 8 loads from workgroup memory for 64 multiplications, and room for many workgroups at a time.

const LANE_ROWS: u32 = 4u;
const LANE_COLUMNS: u32 = 4u;
alias Totals = array<vec4<f32>, 4>;

// The lines are written out because a total that is indexed by a variable may end up in memory.
fn add_products(row: u32, column: u32, totals: ptr<function, Totals>) {
    let w = mat4x4<f32>(
        weight_tile[column],
        weight_tile[column + COLUMN_FOURS],
        weight_tile[column + 2u * COLUMN_FOURS],
        weight_tile[column + 3u * COLUMN_FOURS],
    );
    (*totals)[0] = add4(input_tile[row], w, (*totals)[0]);
    (*totals)[1] = add4(input_tile[row + DOWN], w, (*totals)[1]);
    (*totals)[2] = add4(input_tile[row + 2u * DOWN], w, (*totals)[2]);
    (*totals)[3] = add4(input_tile[row + 3u * DOWN], w, (*totals)[3]);
}

fn write(row: u32, rows: u32, column: u32, totals: ptr<function, Totals>) {
    finish_four(row, rows, column, (*totals)[0]);
    finish_four(row + DOWN, rows, column, (*totals)[1]);
    finish_four(row + 2u * DOWN, rows, column, (*totals)[2]);
    finish_four(row + 3u * DOWN, rows, column, (*totals)[3]);
}
