// Operands as two f16 each, x = high + low / LOW: 22 bits of x. Of the product's four terms the
// smallest, low * low, is below f32's last bit and left out (Markidis et al. 2018, Ootomo & Yokota 2022).
//
// Scaled by LOW, what high leaves over keeps its 11 bits. Inputs are divided by RANGE first: f16 ends at 65504.

const LOW: f32 = 2048.0;
const RANGE: f32 = 16.0;

struct Totals { high: array<Sum, MATRICES>, low: array<Sum, MATRICES> }

var<workgroup> input_tile: array<f16, INPUT_TILE>; // [TILE, INPUT_STRIDE]
var<workgroup> input_low: array<f16, INPUT_TILE>;
var<workgroup> weight_tile: array<f16, WEIGHT_TILE>; // [DEPTH, WEIGHT_STRIDE]
var<workgroup> weight_low: array<f16, WEIGHT_TILE>;
var<workgroup> answers: array<f32, ANSWERS>; // a matrix for each subgroup
var<workgroup> answers_low: array<f32, ANSWERS>;

// x rounded to what f16 holds: 11 bits, or multiples of 2^-24. By its bits, because drivers take f32(f16(x)) for x.
fn high_part(x: f32) -> f32 {
    let rounded = bitcast<f32>((bitcast<u32>(x) + 0x1000u) & 0xffffe000u);
    return select(rounded, round(x * 16777216.0) * 5.9604644775390625e-8, abs(x) < 6.103515625e-5);
}

fn stage_input(place: u32, x: f32) {
    let scaled = x / RANGE;
    let high = high_part(scaled);
    input_tile[place] = f16(high);
    input_low[place] = f16((scaled - high) * LOW);
}

fn stage_weight(place: u32, x: f32) {
    let high = high_part(x);
    weight_tile[place] = f16(high);
    weight_low[place] = f16((x - high) * LOW);
}

// Adds the products of the staged block: rows of the input tile from `row`, columns of the weight tile from `column`.
fn add_block(totals: ptr<function, Totals>, row: u32, column: u32) {
    var sums: array<Sum, MATRICES>;
    for (var i = 0u; i < MATRICES; i += 1u) { sums[i] = begin((*totals).high[i]); }
    for (var k = 0u; k < DEPTH; k += EDGE) {
        var right: array<Right, SIDE>;
        var right_low: array<Right, SIDE>;
        for (var j = 0u; j < SIDE; j += 1u) {
            let place = k * WEIGHT_STRIDE + column + j * EDGE;
            right[j] = coopLoadT<Right>(&weight_tile[place], WEIGHT_STRIDE);
            right_low[j] = coopLoadT<Right>(&weight_low[place], WEIGHT_STRIDE);
        }
        for (var i = 0u; i < SIDE; i += 1u) {
            let place = (row + i * EDGE) * INPUT_STRIDE + k;
            let left = coopLoadT<Left>(&input_tile[place], INPUT_STRIDE);
            let left_low = coopLoadT<Left>(&input_low[place], INPUT_STRIDE);
            for (var j = 0u; j < SIDE; j += 1u) {
                let matrix = i * SIDE + j;
                let low = coopMultiplyAdd(left_low, right[j], (*totals).low[matrix]);
                (*totals).low[matrix] = coopMultiplyAdd(left, right_low[j], low);
                sums[matrix] = coopMultiplyAdd(left, right[j], sums[matrix]);
            }
        }
    }
    for (var i = 0u; i < MATRICES; i += 1u) { (*totals).high[i] = end((*totals).high[i], sums[i]); }
}

// Writes a matrix of the totals to memory, where `answer` finds it.
fn publish(totals: ptr<function, Totals>, matrix: u32, place: u32) {
    let high = (*totals).high[matrix];
    let low = (*totals).low[matrix];
    coopStoreT(high, &answers[place], EDGE);
    coopStoreT(low, &answers_low[place], EDGE);
}

fn answer(place: u32) -> f32 { return RANGE * fma(answers_low[place], 1.0 / LOW, answers[place]); }
