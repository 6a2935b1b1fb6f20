// 8 x 8 outputs a lane: 16 loads from workgroup memory for 256 multiplications.

const LANE_ROWS: u32 = 8u;
const LANE_COLUMNS: u32 = 8u;
struct Eight { left: vec4<f32>, right: vec4<f32> }
alias Totals = array<Eight, 8>;

fn add8(x: vec4<f32>, left: mat4x4<f32>, right: mat4x4<f32>, total: Eight) -> Eight {
    return Eight(add4(x, left, total.left), add4(x, right, total.right));
}

// Four columns of the weight's staged block, four k of each.
fn columns_at(place: u32) -> mat4x4<f32> {
    return mat4x4<f32>(
        weight_tile[place],
        weight_tile[place + COLUMN_FOURS],
        weight_tile[place + 2u * COLUMN_FOURS],
        weight_tile[place + 3u * COLUMN_FOURS],
    );
}

// The lines are written out because a total that is indexed by a variable may end up in memory.
fn add_products(row: u32, column: u32, totals: ptr<function, Totals>) {
    let left = columns_at(column);
    let right = columns_at(column + ACROSS);
    (*totals)[0] = add8(input_tile[row], left, right, (*totals)[0]);
    (*totals)[1] = add8(input_tile[row + DOWN], left, right, (*totals)[1]);
    (*totals)[2] = add8(input_tile[row + 2u * DOWN], left, right, (*totals)[2]);
    (*totals)[3] = add8(input_tile[row + 3u * DOWN], left, right, (*totals)[3]);
    (*totals)[4] = add8(input_tile[row + 4u * DOWN], left, right, (*totals)[4]);
    (*totals)[5] = add8(input_tile[row + 5u * DOWN], left, right, (*totals)[5]);
    (*totals)[6] = add8(input_tile[row + 6u * DOWN], left, right, (*totals)[6]);
    (*totals)[7] = add8(input_tile[row + 7u * DOWN], left, right, (*totals)[7]);
}

fn finish_eight(row: u32, rows: u32, column: u32, total: Eight) {
    finish_four(row, rows, column, total.left);
    finish_four(row, rows, column + 4u * ACROSS, total.right);
}

fn write(row: u32, rows: u32, column: u32, totals: ptr<function, Totals>) {
    finish_eight(row, rows, column, (*totals)[0]);
    finish_eight(row + DOWN, rows, column, (*totals)[1]);
    finish_eight(row + 2u * DOWN, rows, column, (*totals)[2]);
    finish_eight(row + 3u * DOWN, rows, column, (*totals)[3]);
    finish_eight(row + 4u * DOWN, rows, column, (*totals)[4]);
    finish_eight(row + 5u * DOWN, rows, column, (*totals)[5]);
    finish_eight(row + 6u * DOWN, rows, column, (*totals)[6]);
    finish_eight(row + 7u * DOWN, rows, column, (*totals)[7]);
}
