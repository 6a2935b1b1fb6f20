// A lane's share of a block of DEPTH along k of both operands is fetched as it is stored: nothing is converted, and so nothing
// waits, before it is staged.
//
// provides: Block, DEPTH_VEC4, INPUTS, WEIGHTS, fetch, own_four;
// needs: COLUMNS, DEPTH, LANES, Operand4, ROWS, RUN, Weight4, load_input4, load_weight4, weight_corner

struct Block { inputs: array<Operand4, INPUTS / LANES>, weights: array<Weight4, WEIGHTS / LANES> }

const DEPTH_VEC4: u32 = DEPTH / 4u;
const INPUTS: u32 = ROWS * DEPTH_VEC4;
const WEIGHTS: u32 = COLUMNS * DEPTH_VEC4;
const_assert INPUTS % (LANES * RUN) == 0u && WEIGHTS % (LANES * RUN) == 0u;

// The fours that a lane has lie RUN beside each other: two of f16 are 16 bytes, which one load takes.
fn own_four(lane: u32, i: u32) -> u32 { return (i / RUN * LANES + lane) * RUN + i % RUN; }

fn fetch(row: u32, rows: u32, column: u32, k: u32, lane: u32) -> Block {
    var block: Block;
    for (var i = 0u; i < INPUTS / LANES; i += 1u) {
        let first = own_four(lane, i) - i % RUN;
        block.inputs[i] = load_input4(row + first / DEPTH_VEC4, rows, k + first % DEPTH_VEC4 * 4u, i % RUN);
    }
    for (var i = 0u; i < WEIGHTS / LANES; i += 1u) {
        let corner = weight_corner(own_four(lane, i) - i % RUN);
        block.weights[i] = load_weight4(k + corner.x, column + corner.y, i % RUN);
    }
    return block;
}
