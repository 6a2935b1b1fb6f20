// A lane's share of a block of DEPTH along k of both operands is fetched as it is stored: nothing is converted, and so nothing
// waits, before it is staged.
//
// provides: Block, COLUMNS_VEC4, DEPTH_VEC4, INPUTS, WEIGHTS, fetch;
// needs: COLUMNS, DEPTH, LANES, Operand4, ROWS, Weight4, load_input4, load_weight4

struct Block { inputs: array<Operand4, INPUTS / LANES>, weights: array<Weight4, WEIGHTS / LANES> }

const DEPTH_VEC4: u32 = DEPTH / 4u;
const COLUMNS_VEC4: u32 = COLUMNS / 4u;
const INPUTS: u32 = ROWS * DEPTH_VEC4;
const WEIGHTS: u32 = DEPTH * COLUMNS_VEC4;
const_assert INPUTS % LANES == 0u && WEIGHTS % LANES == 0u;

fn fetch(row: u32, rows: u32, column: u32, k: u32, lane: u32) -> Block {
    var block: Block;
    for (var i = 0u; i < INPUTS / LANES; i += 1u) {
        let place = lane + i * LANES;
        block.inputs[i] = load_input4(row + place / DEPTH_VEC4, rows, k + place % DEPTH_VEC4 * 4u);
    }
    for (var i = 0u; i < WEIGHTS / LANES; i += 1u) {
        let place = lane + i * LANES;
        block.weights[i] = load_weight4(k + place / COLUMNS_VEC4, column + place % COLUMNS_VEC4 * 4u);
    }
    return block;
}
