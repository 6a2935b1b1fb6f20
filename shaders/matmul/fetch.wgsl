// A lane's share of a block of DEPTH along k of both operands, as it is stored: nothing is converted, and so nothing waits,
// before it is staged.
struct Block { inputs: array<Four, INPUTS / LANES>, weights: array<WeightFour, WEIGHTS / LANES> }

const FOURS: u32 = DEPTH / 4u;
const COLUMN_FOURS: u32 = COLUMNS / 4u;
const INPUTS: u32 = ROWS * FOURS;
const WEIGHTS: u32 = DEPTH * COLUMN_FOURS;
const_assert INPUTS % LANES == 0u && WEIGHTS % LANES == 0u;

fn fetch(row: u32, rows: u32, column: u32, k: u32, lane: u32) -> Block {
    var block: Block;
    for (var i = 0u; i < INPUTS / LANES; i += 1u) {
        let place = lane + i * LANES;
        block.inputs[i] = input_four(row + place / FOURS, rows, k + place % FOURS * 4u);
    }
    for (var i = 0u; i < WEIGHTS / LANES; i += 1u) {
        let place = lane + i * LANES;
        block.weights[i] = weight_four(k + place / COLUMN_FOURS, column + place % COLUMN_FOURS * 4u);
    }
    return block;
}
