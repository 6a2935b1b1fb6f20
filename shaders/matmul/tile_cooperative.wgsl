// ROWS x COLUMNS outputs a workgroup. Each of its subgroups multiplies MATRICES_DOWN x MATRICES_ACROSS matrices
// of its own outputs. Blocks of DEPTH along k pass through workgroup memory as f16, zero beyond the last k; both operands have k
// beside each other there, as tensor cores want them: what a lane has of a matrix is loaded as vectors.
//
// A row's sums take the same steps whatever rows are beside it and whatever the shape. They are not those of other tiles.
//
// provides: INPUT_TILES, SLOTS, STRIDE, WEIGHT_TILES, matmul, weight, weight_corner;
// needs: Accumulators, Block, COLUMNS, DEPTH, DEPTH_VEC4, EDGE, INPUTS, LANES, LDS_WIDTH, MATRICES, MATRICES_ACROSS,
//   MATRICES_DOWN, ROWS, WEIGHTS, Weight, add_block, epilogue4, fetch, load_epilogue, own_four, params, resolve,
//   stage_input, stage_weight, store_accumulator, unpack4, within

@group(0) @binding(1) var<storage, read> weight: array<Weight>; // [weight_columns, inner]

// Where there is memory for two blocks, one is staged while slower subgroups still multiply the other.
override BUFFERS: u32;

const OWN_ROWS: u32 = MATRICES_DOWN * EDGE;
const OWN_COLUMNS: u32 = MATRICES_ACROSS * EDGE;
const SUBGROUPS_ACROSS: u32 = COLUMNS / OWN_COLUMNS;
// LANES are those of so many subgroups of the largest size; there are more subgroups where the adapter makes smaller ones.
const SUBGROUPS: u32 = ROWS / OWN_ROWS * SUBGROUPS_ACROSS;
// Places for a matrix of each subgroup; those beyond the last share one that nobody reads.
const SLOTS: u32 = SUBGROUPS + 1u;
// Rows start 8 elements further than they must, so that those below each other lie in different banks; 16 bytes are what
// loads of matrices want to be aligned to.
const STRIDE: u32 = DEPTH + 8u;
const INPUT_TILE: u32 = ROWS * STRIDE;
const WEIGHT_TILE: u32 = COLUMNS * STRIDE;
override INPUT_TILES: u32 = BUFFERS * INPUT_TILE / LDS_WIDTH;
override WEIGHT_TILES: u32 = BUFFERS * WEIGHT_TILE / LDS_WIDTH;

// k and column of four k.
fn weight_corner(four: u32) -> vec2<u32> { return vec2<u32>(four % DEPTH_VEC4 * 4u, four / DEPTH_VEC4); }

fn staged(four: u32) -> u32 { return four / DEPTH_VEC4 * STRIDE + four % DEPTH_VEC4 * 4u; }

fn stage(block: Block, k: u32, lane: u32, buffer: u32) {
    for (var i = 0u; i < INPUTS / LANES; i += 1u) {
        let four = own_four(lane, i);
        let x = within(block.inputs[i], k + four % DEPTH_VEC4 * 4u, 1u);
        stage_input(buffer * INPUT_TILE + staged(four), x);
    }
    for (var i = 0u; i < WEIGHTS / LANES; i += 1u) {
        let four = own_four(lane, i);
        let w = within(unpack4(block.weights[i]), k + four % DEPTH_VEC4 * 4u, 1u);
        stage_weight(buffer * WEIGHT_TILE + staged(four), w);
    }
}

@compute @workgroup_size(LANES)
fn matmul(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
    @builtin(subgroup_id) subgroup: u32,
) {
    let rows = resolve(params.rows);
    let first_row = workgroup.y * ROWS;
    let first_column = workgroup.x * COLUMNS;
    // Subgroups beyond the last repeat its work: control flow around matrices must be uniform.
    let own = min(subgroup, SUBGROUPS - 1u);
    let own_row = own / SUBGROUPS_ACROSS * OWN_ROWS;
    let own_column = own % SUBGROUPS_ACROSS * OWN_COLUMNS;

    var acc: Accumulators;
    var block = fetch(first_row, rows, first_column, 0u, lane);
    var buffer = 0u;
    for (var k = 0u; k < params.inner; k += DEPTH) {
        stage(block, k, lane, buffer);
        workgroupBarrier();
        // The next block is on its way while this one is multiplied.
        block = fetch(first_row, rows, first_column, k + DEPTH, lane);
        add_block(&acc, buffer * INPUT_TILE + own_row * STRIDE, buffer * WEIGHT_TILE + own_column * STRIDE);
        buffer = (buffer + 1u) % BUFFERS;
        if BUFFERS == 1u { workgroupBarrier(); }
    }

    for (var matrix = 0u; matrix < MATRICES; matrix += 1u) {
        store_accumulator(&acc, matrix, min(subgroup, SUBGROUPS));
        workgroupBarrier();
        for (var i = lane * 4u; i < SUBGROUPS * EDGE * EDGE; i += LANES * 4u) {
            let owner = i / (EDGE * EDGE);
            let place = i % (EDGE * EDGE);
            let down = owner / SUBGROUPS_ACROSS * OWN_ROWS + matrix / MATRICES_ACROSS * EDGE + place / EDGE;
            let across = owner % SUBGROUPS_ACROSS * OWN_COLUMNS + matrix % MATRICES_ACROSS * EDGE + place % EDGE;
            epilogue4(first_row + down, rows, first_column + across, load_epilogue(owner, place));
        }
        workgroupBarrier();
    }
}
