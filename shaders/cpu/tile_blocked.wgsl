// ROWS x COLUMNS outputs a workgroup, ROWS x 8 a lane: for 256 multiplications of four k of 8 rows it loads 16 vec4.
//
// This is for software adapters of whose vectors nothing is known (a browser's SwiftShader, Windows' WARP). A workgroup is a loop
// over vectors of lanes there, a barrier makes it several loops, and workgroup memory is memory like any other: what counts is
// that loads are few, each of which is checked and gathered lane by lane.
//
// provides: DEPTH, matmul, weight;
// needs: COLUMNS, ROWS, Weight, add4, addends4, epilogue4, load_input, load_weight, params, resolve, unpack_operand, within

@group(0) @binding(1) var<storage, read> weight: array<Weight>; // [inner, weight_columns]

const DEPTH: u32 = 4u;
const LANES: u32 = COLUMNS / 8u;
// The columns of a lane are two fours, ACROSS columns apart: lanes beside each other load beside each other.
const ACROSS: u32 = COLUMNS / 2u;

fn weights4(k: u32, step: u32, column: u32) -> vec4<f32> {
    return vec4<f32>(within(unpack_operand(load_weight(k, step, column)), k + step, 0u));
}

fn weights(k: u32, column: u32) -> mat4x4<f32> {
    return mat4x4<f32>(weights4(k, 0u, column), weights4(k, 1u, column), weights4(k, 2u, column), weights4(k, 3u, column));
}

@compute @workgroup_size(LANES)
fn matmul(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let rows = resolve(params.rows);
    let first_row = workgroup.y * ROWS;
    let column = workgroup.x * COLUMNS + 4u * lane;
    var low: array<vec4<f32>, ROWS>;
    var high: array<vec4<f32>, ROWS>;
    for (var k = 0u; k < params.inner; k += DEPTH) {
        let w0 = weights(k, column);
        let w1 = weights(k, column + ACROSS);
        // @unroll
        for (var i = 0u; i < ROWS; i += 1u) {
            let x = vec4<f32>(within(load_input(first_row + i, rows, k, 0u), k, 1u));
            low[i] = add4(x, w0, low[i]);
            high[i] = add4(x, w1, high[i]);
        }
    }
    // Written out this would be most of the shader, and an array that a variable indexes would lie in memory before, too: the variable
    // is compared with each row.
    for (var i = 0u; i < min(ROWS, rows - first_row); i += 1u) {
        var own_low = low[0];
        var own_high = high[0];
        // @unroll
        for (var other = 1u; other < ROWS; other += 1u) {
            if other == i { own_low = low[other]; own_high = high[other]; }
        }
        let row = first_row + i;
        epilogue4(row, rows, column, own_low, addends4(row, rows, column));
        epilogue4(row, rows, column + ACROSS, own_high, addends4(row, rows, column + ACROSS));
    }
}
