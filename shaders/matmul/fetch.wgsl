// A lane's share of a block of DEPTH along k of both operands is fetched as it is stored: nothing is converted, and so nothing
// waits, before it is staged.
//
// provides: Block, DEPTH_PACKETS, INPUTS, WEIGHTS, fetch;
// needs: COLUMNS, DEPTH, LANES, Operand, PACKET, ROWS, WeightOperand, load_input, load_weight, weight_corner

struct Block { inputs: array<Operand, INPUTS / LANES>, weights: array<WeightOperand, WEIGHTS / LANES> }

const DEPTH_PACKETS: u32 = DEPTH / PACKET;
const INPUTS: u32 = ROWS * DEPTH_PACKETS;
const WEIGHTS: u32 = COLUMNS * DEPTH_PACKETS;
const_assert INPUTS % LANES == 0u && WEIGHTS % LANES == 0u;

fn fetch(row: u32, rows: u32, column: u32, k: u32, lane: u32) -> Block {
    var block: Block;
    // @unroll
    for (var i = 0u; i < INPUTS / LANES; i += 1u) {
        let packet = i * LANES + lane;
        block.inputs[i] = load_input(row + packet / DEPTH_PACKETS, rows, k, packet % DEPTH_PACKETS * PACKET);
    }
    // @unroll
    for (var i = 0u; i < WEIGHTS / LANES; i += 1u) {
        let corner = weight_corner(i * LANES + lane);
        block.weights[i] = load_weight(k, corner.x, column + corner.y);
    }
    return block;
}
