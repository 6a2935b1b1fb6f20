// ROWS x COLUMNS outputs a workgroup, LANE_ROWS x LANE_COLUMNS a lane: rows DOWN and fours of columns ACROSS apart, so that
// lanes beside each other read beside each other. Blocks of 16 along k pass through workgroup memory, zero beyond the
// edges: a total is never -0, so adding zero does not change it.

@group(0) @binding(1) var<storage, read> weight: array<Stored>; // [inner, weight_columns]

const DEPTH: u32 = 16u;
const FOURS: u32 = DEPTH / 4u;
const DOWN: u32 = ROWS / LANE_ROWS;
const ACROSS: u32 = COLUMNS / LANE_COLUMNS;
const LANES: u32 = DOWN * ACROSS;
const INPUTS: u32 = ROWS * FOURS;
const WEIGHTS: u32 = DEPTH * COLUMNS / 4u;

var<workgroup> input_tile: array<vec4<f32>, INPUTS>; // [FOURS, ROWS], four k each
var<workgroup> weight_tile: array<vec4<f32>, WEIGHTS>; // [DEPTH, COLUMNS / 4]

// A lane's share of a block, as it is stored: nothing is converted, and so nothing waits, before it is staged.
struct Block { inputs: array<Four, INPUTS / LANES>, weights: array<Four, WEIGHTS / LANES> }

fn fetch(row: u32, rows: u32, column: u32, k: u32, lane: u32) -> Block {
    var block: Block;
    for (var i = 0u; i < INPUTS / LANES; i += 1u) {
        let place = lane + i * LANES;
        block.inputs[i] = input_four(row + place / FOURS, rows, k + place % FOURS * 4u);
    }
    for (var i = 0u; i < WEIGHTS / LANES; i += 1u) {
        let place = lane + i * LANES;
        block.weights[i] = weight_four(k + place / (COLUMNS / 4u), column + place % (COLUMNS / 4u) * 4u);
    }
    return block;
}

// Where four k of a row are staged: without the exclusive or, the lanes that store the fours of one row would meet in one
// bank. It only changes the last three bits, of which rows DOWN apart have the same.
fn staged(row: u32, four: u32) -> u32 { return four * ROWS + (row ^ (2u * four)); }

fn stage(block: Block, lane: u32) {
    for (var i = 0u; i < INPUTS / LANES; i += 1u) {
        let place = lane + i * LANES;
        input_tile[staged(place / FOURS, place % FOURS)] = vec4<f32>(block.inputs[i]);
    }
    for (var i = 0u; i < WEIGHTS / LANES; i += 1u) { weight_tile[lane + i * LANES] = vec4<f32>(block.weights[i]); }
}

@compute @workgroup_size(LANES)
fn matmul(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let rows = resolve(params.rows);
    let first_row = workgroup.y * ROWS;
    let first_column = workgroup.x * COLUMNS;
    let own_row = lane / ACROSS;
    let own_column = lane % ACROSS;

    var totals: Totals;
    var block = fetch(first_row, rows, first_column, 0u, lane);
    for (var k = 0u; k < params.inner; k += DEPTH) {
        stage(block, lane);
        workgroupBarrier();
        // The next block is on its way while this one is multiplied.
        block = fetch(first_row, rows, first_column, k + DEPTH, lane);
        for (var four = 0u; four < FOURS; four += 1u) {
            add_products(staged(own_row, four), four * COLUMNS + own_column, &totals);
        }
        workgroupBarrier();
    }
    write(first_row + own_row, rows, first_column + own_column * 4u, &totals);
}
