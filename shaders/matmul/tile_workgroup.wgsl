// ROWS x COLUMNS outputs a workgroup, LANE_ROWS x LANE_COLUMNS a lane: rows DOWN and fours of columns ACROSS apart, so that
// lanes beside each other read beside each other. Blocks of 16 along k pass through workgroup memory, zero beyond the
// edges: a total is never -0, so adding zero does not change it.

@group(0) @binding(1) var<storage, read> weight: array<Weight>; // [inner, weight_columns]

const DEPTH: u32 = 16u;
const DOWN: u32 = ROWS / LANE_ROWS;
const ACROSS: u32 = COLUMNS / LANE_COLUMNS;
const LANES: u32 = DOWN * ACROSS;

// Where there is memory for two blocks, one is staged while slower lanes still multiply the other.
override BUFFERS: u32;
override INPUT_TILES: u32 = BUFFERS * INPUTS;
override WEIGHT_TILES: u32 = BUFFERS * WEIGHTS;
var<workgroup> input_tile: array<vec4<f32>, INPUT_TILES>; // [BUFFERS, FOURS, ROWS], four k each
var<workgroup> weight_tile: array<vec4<f32>, WEIGHT_TILES>; // [BUFFERS, DEPTH, COLUMN_FOURS]

// Where four k of a row are staged: without the exclusive or, the lanes that store the fours of one row would meet in one
// bank. It only changes the last three bits, of which rows DOWN apart have the same.
fn staged(row: u32, four: u32) -> u32 { return four * ROWS + (row ^ (2u * four)); }

fn stage(block: Block, lane: u32, buffer: u32) {
    for (var i = 0u; i < INPUTS / LANES; i += 1u) {
        let place = lane + i * LANES;
        input_tile[buffer * INPUTS + staged(place / FOURS, place % FOURS)] = vec4<f32>(block.inputs[i]);
    }
    for (var i = 0u; i < WEIGHTS / LANES; i += 1u) {
        weight_tile[buffer * WEIGHTS + lane + i * LANES] = vec4<f32>(unpacked_four(block.weights[i]));
    }
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
    var buffer = 0u;
    for (var k = 0u; k < params.inner; k += DEPTH) {
        stage(block, lane, buffer);
        workgroupBarrier();
        // The next block is on its way while this one is multiplied.
        block = fetch(first_row, rows, first_column, k + DEPTH, lane);
        for (var four = 0u; four < FOURS; four += 1u) {
            let row = buffer * INPUTS + staged(own_row, four);
            add_products(row, buffer * WEIGHTS + 4u * four * COLUMN_FOURS + own_column, &totals);
        }
        buffer = (buffer + 1u) % BUFFERS;
        if BUFFERS == 1u { workgroupBarrier(); }
    }
    write(first_row + own_row, rows, first_column + own_column * 4u, &totals);
}
