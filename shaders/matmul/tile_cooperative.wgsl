// ROWS x COLUMNS outputs a workgroup. Each of its subgroups multiplies MATRICES_DOWN x MATRICES_ACROSS matrices
// of its own outputs. Blocks of 32 along k pass through workgroup memory as f16, zero beyond the edges.
//
// A row's sums take the same steps whatever rows are beside it and whatever the shape. They are not those of other tiles.
//
// provides: DEPTH, EPILOGUE_LDS, INPUT_STRIDE, INPUT_TILES, WEIGHT_STRIDE, WEIGHT_TILES, matmul, weight;
// needs: Accumulators, Block, COLUMNS, COLUMNS_VEC4, DEPTH_VEC4, EDGE, INPUTS, LANES, MATRICES, MATRICES_ACROSS,
//   MATRICES_DOWN, ROWS, VECTOR_WIDTH, WEIGHTS, Weight, add_block, chunk_of, epilogue, fetch, load_epilogue, params,
//   resolve, stage_input, stage_weight, store_accumulator, unpack4

@group(0) @binding(1) var<storage, read> weight: array<Weight>; // [inner, weight_columns]

override EPILOGUE_LDS: u32; // elements of a matrix for each subgroup of the workgroup
// Where there is memory for two blocks, one is staged while slower subgroups still multiply the other.
override BUFFERS: u32;

const DEPTH: u32 = 32u;
const OWN_ROWS: u32 = MATRICES_DOWN * EDGE;
const OWN_COLUMNS: u32 = MATRICES_ACROSS * EDGE;
const SUBGROUPS_ACROSS: u32 = COLUMNS / OWN_COLUMNS;
// LANES are those of so many subgroups of the largest size; there are more subgroups where the adapter makes smaller ones.
const SUBGROUPS: u32 = ROWS / OWN_ROWS * SUBGROUPS_ACROSS;
// Rows start 8 elements further than they must, so that those below each other lie in different banks; 16 bytes are what
// loads of matrices want to be aligned to.
const INPUT_STRIDE: u32 = DEPTH + 8u;
const WEIGHT_STRIDE: u32 = COLUMNS + 8u;
const INPUT_TILE: u32 = ROWS * INPUT_STRIDE;
const WEIGHT_TILE: u32 = DEPTH * WEIGHT_STRIDE;
override INPUT_TILES: u32 = BUFFERS * INPUT_TILE;
override WEIGHT_TILES: u32 = BUFFERS * WEIGHT_TILE;

fn stage(block: Block, lane: u32, buffer: u32) {
    for (var i = 0u; i < INPUTS / LANES; i += 1u) {
        let place = lane + i * LANES;
        stage_input(buffer * INPUT_TILE + place / DEPTH_VEC4 * INPUT_STRIDE + place % DEPTH_VEC4 * 4u, block.inputs[i]);
    }
    for (var i = 0u; i < WEIGHTS / LANES; i += 1u) {
        let place = lane + i * LANES;
        let start = buffer * WEIGHT_TILE + place / COLUMNS_VEC4 * WEIGHT_STRIDE;
        stage_weight(start + place % COLUMNS_VEC4 * 4u, unpack4(block.weights[i]));
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
        stage(block, lane, buffer);
        workgroupBarrier();
        // The next block is on its way while this one is multiplied.
        block = fetch(first_row, rows, first_column, k + DEPTH, lane);
        add_block(&acc, buffer * INPUT_TILE + own_row * INPUT_STRIDE, buffer * WEIGHT_TILE + own_column);
        buffer = (buffer + 1u) % BUFFERS;
        if BUFFERS == 1u { workgroupBarrier(); }
    }

    for (var matrix = 0u; matrix < MATRICES; matrix += 1u) {
        store_accumulator(&acc, matrix, subgroup * EDGE * EDGE);
        workgroupBarrier();
        for (var i = lane * VECTOR_WIDTH; i < SUBGROUPS * EDGE * EDGE; i += LANES * VECTOR_WIDTH) {
            let owner = i / (EDGE * EDGE);
            let place = i % (EDGE * EDGE);
            let down = owner / SUBGROUPS_ACROSS * OWN_ROWS + matrix / MATRICES_ACROSS * EDGE + place / EDGE;
            let across = owner % SUBGROUPS_ACROSS * OWN_COLUMNS + matrix % MATRICES_ACROSS * EDGE + place % EDGE;
            let row = first_row + down;
            let column = first_column + across;
            if row < rows && column < params.columns {
                // A chunk of one element uses the first only.
                let acc = chunk_of(load_epilogue(i), load_epilogue(i + 1u), load_epilogue(i + 2u), load_epilogue(i + 3u));
                epilogue(row, column / VECTOR_WIDTH, acc);
            }
        }
        workgroupBarrier();
    }
}
