// ROWS x COLUMNS outputs a workgroup. Each of its subgroups multiplies MATRICES_DOWN x MATRICES_ACROSS matrices
// of its own outputs. Blocks of DEPTH along k pass through workgroup memory as f16, zero beyond the last k; both operands have k
// beside each other there, as tensor cores want them: what a lane has of a matrix is loaded as vectors.
//
// A row's sums take the same steps whatever rows are beside it and whatever the shape. They are not those of other tiles.
//
// provides: INPUT_TILES, SLOTS, STRIDE, WEIGHT_TILES, matmul, weight, weight_corner;
// needs: Accumulators, Addends4, Block, COLUMNS, DEPTH, DEPTH_PACKETS, EDGE, INPUTS, LANES, LDS_WIDTH, MATRICES_ACROSS,
//   MATRICES_DOWN, PACKET, ROWS, WEIGHTS, Weight, add_block, addends4, epilogue4, fetch, load_epilogue, params,
//   resolve, stage_input, stage_weight, store_accumulator, unpack_operand, within

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

// k and column of a packet.
fn weight_corner(packet: u32) -> vec2<u32> { return vec2<u32>(packet % DEPTH_PACKETS * PACKET, packet / DEPTH_PACKETS); }

fn staged(packet: u32) -> u32 { return packet / DEPTH_PACKETS * STRIDE + packet % DEPTH_PACKETS * PACKET; }

fn stage(block: Block, k: u32, lane: u32, buffer: u32) {
    // @unroll
    for (var i = 0u; i < INPUTS / LANES; i += 1u) {
        let packet = i * LANES + lane;
        let x = within(block.inputs[i], k + packet % DEPTH_PACKETS * PACKET, 1u);
        stage_input(buffer * INPUT_TILE + staged(packet), x);
    }
    // @unroll
    for (var i = 0u; i < WEIGHTS / LANES; i += 1u) {
        let packet = i * LANES + lane;
        let w = within(unpack_operand(block.weights[i]), k + packet % DEPTH_PACKETS * PACKET, 1u);
        stage_weight(buffer * WEIGHT_TILE + staged(packet), w);
    }
}

// A matrix of each subgroup passes through workgroup memory at a time, and a lane writes OWN_FOURS fours of them.
const FOURS: u32 = SUBGROUPS * EDGE * EDGE / 4u;
const OWN_FOURS: u32 = (FOURS + LANES - 1u) / LANES;

// Row and column in the tile of four outputs of the matrices number (down, across).
fn output_place(four: u32, down: u32, across: u32) -> vec2<u32> {
    let owner = four / (EDGE * EDGE / 4u);
    let place = four % (EDGE * EDGE / 4u) * 4u;
    let row = owner / SUBGROUPS_ACROSS * OWN_ROWS + down * EDGE + place / EDGE;
    return vec2<u32>(row, owner % SUBGROUPS_ACROSS * OWN_COLUMNS + across * EDGE + place % EDGE);
}

// What is added to a row of matrices, all of it on its way at once.
alias RowAddends = array<Addends4, MATRICES_ACROSS * OWN_FOURS>;

fn row_addends(row: u32, rows: u32, column: u32, down: u32, lane: u32) -> RowAddends {
    var own: RowAddends;
    // @unroll
    for (var across = 0u; across < MATRICES_ACROSS; across += 1u) {
        // @unroll
        for (var i = 0u; i < OWN_FOURS; i += 1u) {
            let place = output_place(min(i * LANES + lane, FOURS - 1u), down, across);
            own[across * OWN_FOURS + i] = addends4(row + place.x, rows, column + place.y);
        }
    }
    return own;
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

    for (var down = 0u; down < MATRICES_DOWN; down += 1u) {
        let addends = row_addends(first_row, rows, first_column, down, lane);
        // @unroll
        for (var across = 0u; across < MATRICES_ACROSS; across += 1u) {
            store_accumulator(&acc, down, across, min(subgroup, SUBGROUPS));
            workgroupBarrier();
            // @unroll
            for (var i = 0u; i < OWN_FOURS; i += 1u) {
                let four = i * LANES + lane;
                if four < FOURS {
                    let place = output_place(four, down, across);
                    let acc = load_epilogue(four / (EDGE * EDGE / 4u), four % (EDGE * EDGE / 4u) * 4u);
                    epilogue4(first_row + place.x, rows, first_column + place.y, acc, addends[across * OWN_FOURS + i]);
                }
            }
            workgroupBarrier();
        }
    }
}
