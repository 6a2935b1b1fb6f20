// Operands as one f16 each, which is exact for what is stored as f16.

alias Totals = array<Sum, MATRICES>;

var<workgroup> input_tile: array<f16, INPUT_TILE>; // [TILE, INPUT_STRIDE]
var<workgroup> weight_tile: array<f16, WEIGHT_TILE>; // [DEPTH, WEIGHT_STRIDE]
var<workgroup> answers: array<f32, ANSWERS>; // a matrix for each subgroup

fn stage_input(place: u32, x: f32) { input_tile[place] = f16(x); }
fn stage_weight(place: u32, x: f32) { weight_tile[place] = f16(x); }

// Adds the products of the staged block: rows of the input tile from `row`, columns of the weight tile from `column`.
fn add_block(totals: ptr<function, Totals>, row: u32, column: u32) {
    var sums: array<Sum, MATRICES>;
    for (var i = 0u; i < MATRICES; i += 1u) { sums[i] = begin((*totals)[i]); }
    for (var k = 0u; k < DEPTH; k += EDGE) {
        var right: array<Right, SIDE>;
        for (var j = 0u; j < SIDE; j += 1u) {
            right[j] = coopLoadT<Right>(&weight_tile[k * WEIGHT_STRIDE + column + j * EDGE], WEIGHT_STRIDE);
        }
        for (var i = 0u; i < SIDE; i += 1u) {
            let left = coopLoadT<Left>(&input_tile[(row + i * EDGE) * INPUT_STRIDE + k], INPUT_STRIDE);
            for (var j = 0u; j < SIDE; j += 1u) {
                sums[i * SIDE + j] = coopMultiplyAdd(left, right[j], sums[i * SIDE + j]);
            }
        }
    }
    for (var i = 0u; i < MATRICES; i += 1u) { (*totals)[i] = end((*totals)[i], sums[i]); }
}

// Writes a matrix of the totals to memory, where `answer` finds it.
fn publish(totals: ptr<function, Totals>, matrix: u32, place: u32) {
    let total = (*totals)[matrix];
    coopStoreT(total, &answers[place], EDGE);
}

fn answer(place: u32) -> f32 { return answers[place]; }
