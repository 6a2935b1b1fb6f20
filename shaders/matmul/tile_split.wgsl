// 4 x 16 outputs a workgroup, for few rows: most of the time goes into loading the weight, so the lanes split k, and all
// of its loads are under way at once. Each lane has four k of four columns; their sums are then added in the order of k.

@group(0) @binding(1) var<storage, read> weight: array<Weight>; // [inner, weight_columns]

const LANES: u32 = 256u;
const_assert ROWS == 4u; // they are written out
const ACROSS: u32 = COLUMNS / 4u;
const PIECES: u32 = LANES / ACROSS; // of k, four each
const DEPTH: u32 = PIECES * 4u;
const TOTALS: u32 = ROWS * ACROSS;

var<workgroup> sums: array<vec4<f32>, PIECES * TOTALS>; // [PIECES, ROWS, ACROSS]

struct Block { inputs: array<Four, 4>, weights: array<WeightFour, 4> }

fn fetch(row: u32, rows: u32, column: u32, k: u32) -> Block {
    return Block(
        array<Four, 4>(
            input_four(row, rows, k),
            input_four(row + 1u, rows, k),
            input_four(row + 2u, rows, k),
            input_four(row + 3u, rows, k),
        ),
        array<WeightFour, 4>(
            weight_four(k, column),
            weight_four(k + 1u, column),
            weight_four(k + 2u, column),
            weight_four(k + 3u, column),
        ),
    );
}

@compute @workgroup_size(LANES)
fn matmul(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let rows = resolve(params.rows);
    let first_row = workgroup.y * ROWS;
    let first_column = workgroup.x * COLUMNS;
    let own_column = first_column + lane % ACROSS * 4u;
    let own_k = lane / ACROSS * 4u;
    let place = lane / ACROSS * TOTALS + lane % ACROSS;

    var total: vec4<f32>; // of the first lanes, one each
    var block = fetch(first_row, rows, own_column, own_k);
    for (var k = 0u; k < params.inner; k += DEPTH) {
        let w = mat4x4<f32>(
            vec4<f32>(unpacked_four(block.weights[0])),
            vec4<f32>(unpacked_four(block.weights[1])),
            vec4<f32>(unpacked_four(block.weights[2])),
            vec4<f32>(unpacked_four(block.weights[3])),
        );
        sums[place] = add4(vec4<f32>(block.inputs[0]), w, vec4<f32>());
        sums[place + ACROSS] = add4(vec4<f32>(block.inputs[1]), w, vec4<f32>());
        sums[place + 2u * ACROSS] = add4(vec4<f32>(block.inputs[2]), w, vec4<f32>());
        sums[place + 3u * ACROSS] = add4(vec4<f32>(block.inputs[3]), w, vec4<f32>());
        workgroupBarrier();
        // The next block is on its way while this one's sums are added.
        block = fetch(first_row, rows, own_column, k + DEPTH + own_k);
        if lane < TOTALS {
            for (var piece = 0u; piece < PIECES; piece += 1u) { total += sums[piece * TOTALS + lane]; }
        }
        workgroupBarrier();
    }
    if lane < TOTALS {
        finish_four(first_row + lane / ACROSS, rows, first_column + lane % ACROSS * 4u, total);
    }
}
