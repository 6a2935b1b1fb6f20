// ROWS x COLUMNS outputs a workgroup, for few rows: most of the time goes into loading the weight, so the lanes split k, and
// all of its loads are under way at once. Each lane has four k of four columns; the partial sums are then added in the order
// of k.
//
// provides: DEPTH, matmul, weight;
// needs: COLUMNS, Operand, ROWS, Weight, WeightOperand, add4, addends4, epilogue4, load_input, load_weight, params, resolve,
//   unpack_operand, within

@group(0) @binding(1) var<storage, read> weight: array<Weight>; // [inner, weight_columns]

const LANES: u32 = 256u;
const_assert ROWS == 4u; // they are written out
const ACROSS: u32 = COLUMNS / 4u;
const SPLITS: u32 = LANES / ACROSS; // of k, four each
const DEPTH: u32 = SPLITS * 4u;
const_assert DEPTH == 256u; // blocks are whole where inner is a multiple
const OUTPUTS: u32 = ROWS * ACROSS;

var<workgroup> partials: array<vec4<f32>, SPLITS * OUTPUTS>; // [SPLITS, ROWS, ACROSS]

struct Block { inputs: array<Operand, 4>, weights: array<WeightOperand, 4> }

fn fetch(row: u32, rows: u32, column: u32, k: u32, ahead: u32) -> Block {
    var block: Block;
    block.inputs[0] = load_input(row, rows, k, ahead);
    block.inputs[1] = load_input(row + 1u, rows, k, ahead);
    block.inputs[2] = load_input(row + 2u, rows, k, ahead);
    block.inputs[3] = load_input(row + 3u, rows, k, ahead);
    block.weights[0] = load_weight(k, ahead, column);
    block.weights[1] = load_weight(k, ahead + 1u, column);
    block.weights[2] = load_weight(k, ahead + 2u, column);
    block.weights[3] = load_weight(k, ahead + 3u, column);
    return block;
}

@compute @workgroup_size(LANES)
fn matmul(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let rows = resolve(params.rows);
    let first_row = workgroup.y * ROWS;
    let first_column = workgroup.x * COLUMNS;
    let own_column = first_column + lane % ACROSS * 4u;
    let own_k = lane / ACROSS * 4u;
    let place = lane / ACROSS * OUTPUTS + lane % ACROSS;

    var acc: vec4<f32>; // of the first lanes, one each
    var block = fetch(first_row, rows, own_column, 0u, own_k);
    for (var k = 0u; k < params.inner; k += DEPTH) {
        let place_k = k + own_k;
        let w = mat4x4<f32>(
            vec4<f32>(within(unpack_operand(block.weights[0]), place_k, 0u)),
            vec4<f32>(within(unpack_operand(block.weights[1]), place_k + 1u, 0u)),
            vec4<f32>(within(unpack_operand(block.weights[2]), place_k + 2u, 0u)),
            vec4<f32>(within(unpack_operand(block.weights[3]), place_k + 3u, 0u)),
        );
        partials[place] = add4(vec4<f32>(within(block.inputs[0], place_k, 1u)), w, vec4<f32>(0.0));
        partials[place + ACROSS] = add4(vec4<f32>(within(block.inputs[1], place_k, 1u)), w, vec4<f32>(0.0));
        partials[place + 2u * ACROSS] = add4(vec4<f32>(within(block.inputs[2], place_k, 1u)), w, vec4<f32>(0.0));
        partials[place + 3u * ACROSS] = add4(vec4<f32>(within(block.inputs[3], place_k, 1u)), w, vec4<f32>(0.0));
        workgroupBarrier();
        // The next block is on its way while this one's partial sums are added.
        block = fetch(first_row, rows, own_column, k + DEPTH, own_k);
        if lane < OUTPUTS {
            for (var split = 0u; split < SPLITS; split += 1u) { acc += partials[split * OUTPUTS + lane]; }
        }
        workgroupBarrier();
    }
    if lane < OUTPUTS {
        let row = first_row + lane / ACROSS;
        let column = first_column + lane % ACROSS * 4u;
        epilogue4(row, rows, column, acc, addends4(row, rows, column));
    }
}
