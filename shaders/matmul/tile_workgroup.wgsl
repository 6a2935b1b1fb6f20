// ROWS x COLUMNS outputs a workgroup, LANE_ROWS x LANE_COLUMNS a lane: rows DOWN and fours of columns ACROSS apart, so that
// lanes beside each other read beside each other. Blocks of DEPTH along k pass through workgroup memory, zero beyond the
// last k: an accumulator is never -0, so adding zero does not change it.
//
// provides: ACROSS, COLUMNS_VEC4, DOWN, LANES, input_tile, matmul, weight, weight_corner, weight_tile;
// needs: Accumulators, Block, COLUMNS, DEPTH, DEPTH_PACKETS, INPUTS, LANE_COLUMNS, LANE_ROWS, ROWS, WEIGHTS, Weight,
//   add_products, fetch, params, resolve, store_accumulators, unpack_operand, within

@group(0) @binding(1) var<storage, read> weight: array<Weight>; // [inner, weight_columns]

const DOWN: u32 = ROWS / LANE_ROWS;
const ACROSS: u32 = COLUMNS / LANE_COLUMNS;
const LANES: u32 = DOWN * ACROSS;
const COLUMNS_VEC4: u32 = COLUMNS / 4u;

// Where there is memory for two blocks, one is staged while slower lanes still multiply the other.
override BUFFERS: u32;
override INPUT_TILES: u32 = BUFFERS * INPUTS;
override WEIGHT_TILES: u32 = BUFFERS * WEIGHTS;
var<workgroup> input_tile: array<vec4<f32>, INPUT_TILES>; // [BUFFERS, DEPTH_PACKETS, ROWS], four k each
var<workgroup> weight_tile: array<vec4<f32>, WEIGHT_TILES>; // [BUFFERS, DEPTH, COLUMNS_VEC4]

// Where four k of a row are staged: without the exclusive or, the lanes that store the fours of one row would meet in one
// bank. It only changes the last three bits, of which rows DOWN apart have the same.
fn staged(row: u32, k4: u32) -> u32 { return k4 * ROWS + (row ^ (2u * k4)); }

// k and column of four columns.
fn weight_corner(four: u32) -> vec2<u32> { return vec2<u32>(four / COLUMNS_VEC4, four % COLUMNS_VEC4 * 4u); }

fn stage(block: Block, k: u32, lane: u32, buffer: u32) {
    // @unroll
    for (var i = 0u; i < INPUTS / LANES; i += 1u) {
        let four = i * LANES + lane;
        let x = within(block.inputs[i], k + four % DEPTH_PACKETS * 4u, 1u);
        input_tile[buffer * INPUTS + staged(four / DEPTH_PACKETS, four % DEPTH_PACKETS)] = vec4<f32>(x);
    }
    // @unroll
    for (var i = 0u; i < WEIGHTS / LANES; i += 1u) {
        let four = i * LANES + lane;
        let w = within(unpack_operand(block.weights[i]), k + weight_corner(four).x, 0u);
        weight_tile[buffer * WEIGHTS + four] = vec4<f32>(w);
    }
}

@compute @workgroup_size(LANES)
fn matmul(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let rows = resolve(params.rows);
    let first_row = workgroup.y * ROWS;
    let first_column = workgroup.x * COLUMNS;
    let own_row = lane / ACROSS;
    let own_column = lane % ACROSS;

    var acc: Accumulators;
    var block = fetch(first_row, rows, first_column, 0u, lane);
    var buffer = 0u;
    for (var k = 0u; k < params.inner; k += DEPTH) {
        stage(block, k, lane, buffer);
        workgroupBarrier();
        // The next block is on its way while this one is multiplied.
        block = fetch(first_row, rows, first_column, k + DEPTH, lane);
        for (var k4 = 0u; k4 < DEPTH_PACKETS; k4 += 1u) {
            let row = buffer * INPUTS + staged(own_row, k4);
            add_products(row, buffer * WEIGHTS + 4u * k4 * COLUMNS_VEC4 + own_column, &acc);
        }
        buffer = (buffer + 1u) % BUFFERS;
        if BUFFERS == 1u { workgroupBarrier(); }
    }
    store_accumulators(first_row + own_row, rows, first_column + own_column * 4u, &acc);
}
