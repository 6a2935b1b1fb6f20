// A lane has LANE_ROWS x LANE_COLUMNS outputs: of 8 x 8 it loads 16 vec4 from workgroup memory for 256 multiplications, of
// 4 x 4 it loads 8 for 64, and there is room for more workgroups at a time. The loop over the epilogue is too long to unroll,
// and an array that its variable indexed would lie in memory while the products are added too, so `own` compares it with each
// row.
//
// provides: Accumulators, add_products, store_accumulators;
// needs: ACROSS, Addends4, COLUMNS_VEC4, DOWN, LANE_COLUMNS, LANE_ROWS, add4, addends4, epilogue4, input_tile, weight_tile

const LANE_VEC4S: u32 = LANE_COLUMNS / 4u;
alias Accumulators = array<array<vec4<f32>, LANE_VEC4S>, LANE_ROWS>;

// Adds the products of four staged k: the lane's rows lie DOWN apart from `row` on, its columns ACROSS from `column` on.
fn add_products(row: u32, column: u32, acc: ptr<function, Accumulators>) {
    var w: array<mat4x4<f32>, LANE_VEC4S>;
    // @unroll
    for (var j = 0u; j < LANE_VEC4S; j += 1u) {
        let place = column + j * ACROSS;
        w[j] = mat4x4<f32>(
            weight_tile[place],
            weight_tile[place + COLUMNS_VEC4],
            weight_tile[place + 2u * COLUMNS_VEC4],
            weight_tile[place + 3u * COLUMNS_VEC4],
        );
    }
    // @unroll
    for (var i = 0u; i < LANE_ROWS; i += 1u) {
        let x = input_tile[row + i * DOWN];
        // @unroll
        for (var j = 0u; j < LANE_VEC4S; j += 1u) { (*acc)[i][j] = add4(x, w[j], (*acc)[i][j]); }
    }
}

alias RowAddends = array<Addends4, LANE_VEC4S>;

fn row_addends(row: u32, rows: u32, column: u32) -> RowAddends {
    var own: RowAddends;
    // @unroll
    for (var j = 0u; j < LANE_VEC4S; j += 1u) { own[j] = addends4(row, rows, column + 4u * j * ACROSS); }
    return own;
}

fn store_accumulators(row: u32, rows: u32, column: u32, acc: ptr<function, Accumulators>) {
    // Those of the next row are on their way while one is written.
    var next = row_addends(row, rows, column);
    for (var i = 0u; i < LANE_ROWS; i += 1u) {
        let addends = next;
        next = row_addends(row + (i + 1u) * DOWN, rows, column);
        var own = (*acc)[0];
        // @unroll
        for (var other = 1u; other < LANE_ROWS; other += 1u) {
            if other == i { own = (*acc)[other]; }
        }
        // @unroll
        for (var j = 0u; j < LANE_VEC4S; j += 1u) {
            epilogue4(row + i * DOWN, rows, column + 4u * j * ACROSS, own[j], addends[j]);
        }
    }
}
