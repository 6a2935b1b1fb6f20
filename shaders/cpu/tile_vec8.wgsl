// ROWS x 64 outputs a workgroup, which is one subgroup of 8 lanes: a lane holds eight consecutive columns of all rows, of
// which there are 8, 16 or 32.
//
// This is for adapters that run a subgroup as one CPU vector (Mesa's llvmpipe). Inputs come 4 k of 8 rows at a time and
// reach the lanes by broadcasts; nothing waits.
//
// provides: Input, matmul;
// needs: COLUMNS, Chunk, ROWS, Stored, VECTOR_WIDTH, Vec8, Wide, add4, addends, epilogue, input, panel_width, params, resolve,
//   vec8, weight_place

alias Input = Stored;
@group(0) @binding(1) var<storage, read> weight: array<Wide>; // [panels, inner, LANES]

const LANES: u32 = 8u;
const ROWS_VEC8: u32 = ROWS / 8u;
const_assert COLUMNS == LANES * 8u;
alias Vec8x8 = array<Vec8, 8>;
// The accumulators of each lane, which no other lane reads, for the loop at the end. It indexes them by a variable: a compiler
// puts such an array in memory in any case, but a local one slowly, in two to six times the time for the whole kernel.
var<workgroup> epilogue_lds: array<array<Vec8x8, LANES>, ROWS_VEC8>;

fn add_row8(x: vec4<f32>, low: mat4x4<f32>, high: mat4x4<f32>, acc: Vec8) -> Vec8 {
    return Vec8(add4(x, low, acc.low), add4(x, high, acc.high));
}

// Eight rows, of which lane i has row i's four k.
fn add_rows8(x: vec4<f32>, low: mat4x4<f32>, high: mat4x4<f32>, acc: Vec8x8) -> Vec8x8 {
    return Vec8x8(
        add_row8(subgroupBroadcast(x, 0u), low, high, acc[0]),
        add_row8(subgroupBroadcast(x, 1u), low, high, acc[1]),
        add_row8(subgroupBroadcast(x, 2u), low, high, acc[2]),
        add_row8(subgroupBroadcast(x, 3u), low, high, acc[3]),
        add_row8(subgroupBroadcast(x, 4u), low, high, acc[4]),
        add_row8(subgroupBroadcast(x, 5u), low, high, acc[5]),
        add_row8(subgroupBroadcast(x, 6u), low, high, acc[6]),
        add_row8(subgroupBroadcast(x, 7u), low, high, acc[7]),
    );
}

// The accumulators of 8 to 32 rows, for which a weight is loaded once. A loop over them would keep them in memory.
alias Accumulators = array<Vec8x8, 4>;

fn add_rows(x: array<u32, 4>, k: u32, low: mat4x4<f32>, high: mat4x4<f32>, acc: Accumulators) -> Accumulators {
    var sum = acc;
    sum[0] = add_rows8(Chunk(input[x[0] + k]), low, high, acc[0]);
    if 1u < ROWS_VEC8 { sum[1] = add_rows8(Chunk(input[x[1] + k]), low, high, acc[1]); }
    if 2u < ROWS_VEC8 {
        sum[2] = add_rows8(Chunk(input[x[2] + k]), low, high, acc[2]);
        sum[3] = add_rows8(Chunk(input[x[3] + k]), low, high, acc[3]);
    }
    return sum;
}

fn store_accumulators(lane: u32, acc: Accumulators) {
    epilogue_lds[0][lane] = acc[0];
    if 1u < ROWS_VEC8 { epilogue_lds[min(1u, ROWS_VEC8 - 1u)][lane] = acc[1]; }
    if 2u < ROWS_VEC8 {
        epilogue_lds[min(2u, ROWS_VEC8 - 1u)][lane] = acc[2];
        epilogue_lds[min(3u, ROWS_VEC8 - 1u)][lane] = acc[3];
    }
}

@compute @workgroup_size(LANES)
fn matmul(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
    let rows = resolve(params.rows);
    let first_row = workgroup.y * ROWS;
    let own_columns = workgroup.x * LANES + lane;
    // Lanes and rows beyond the edge repeat the last: every lane must take part in the broadcasts.
    let inner = params.inner / VECTOR_WIDTH;
    var x: array<u32, 4>;
    for (var i = 0u; i < ROWS_VEC8; i += 1u) { x[i] = min(first_row + i * 8u + lane, rows - 1u) * inner; }
    let column = params.first + min(own_columns * 8u, params.columns - 8u);
    let stride = panel_width(column) / 8u;
    var place = weight_place(0u, column) / 8u;

    var acc: Accumulators;
    for (var k = 0u; k < inner; k += 1u) {
        let w0 = vec8(weight[place]);
        let w1 = vec8(weight[place + stride]);
        let w2 = vec8(weight[place + 2u * stride]);
        let w3 = vec8(weight[place + 3u * stride]);
        let low = mat4x4<f32>(w0.low, w1.low, w2.low, w3.low);
        let high = mat4x4<f32>(w0.high, w1.high, w2.high, w3.high);
        acc = add_rows(x, k, low, high, acc);
        place += 4u * stride;
    }

    store_accumulators(lane, acc);
    if own_columns >= params.columns / 8u { return; }
    for (var i = 0u; i < min(ROWS, rows - first_row); i += 1u) {
        let outputs = epilogue_lds[i / 8u][lane][i % 8u];
        let row = first_row + i;
        epilogue(row, 2u * own_columns, outputs.low, addends(row, 2u * own_columns));
        epilogue(row, 2u * own_columns + 1u, outputs.high, addends(row, 2u * own_columns + 1u));
    }
}
