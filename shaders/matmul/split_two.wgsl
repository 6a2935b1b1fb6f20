// Operands as two f16 each, x = high + low / LOW: 22 bits of x. Of the product's four terms the
// smallest, low * low, is below f32's last bit and left out (Markidis et al. 2018, Ootomo & Yokota 2022).
//
// Scaled by LOW, what high leaves over keeps its 11 bits. Inputs are divided by RANGE first: f16 ends at 65504.

const LOW: f32 = 2048.0;
const RANGE: f32 = 16.0;

struct Lefts { high: Left, low: Left }
struct Rights { high: Right, low: Right }
struct Total { high: Sum, low: Sum }

var<workgroup> input_tile: array<f16, INPUT_TILES>; // [BUFFERS, ROWS, INPUT_STRIDE]
var<workgroup> input_low: array<f16, INPUT_TILES>;
var<workgroup> weight_tile: array<f16, WEIGHT_TILES>; // [BUFFERS, DEPTH, WEIGHT_STRIDE]
var<workgroup> weight_low: array<f16, WEIGHT_TILES>;
var<workgroup> answers: array<f32, ANSWERS>; // a matrix for each subgroup
var<workgroup> answers_low: array<f32, ANSWERS>;

// x rounded to what f16 holds: 11 bits, or multiples of 2^-24. By its bits, because drivers take f32(f16(x)) for x.
fn high_part(x: f32) -> f32 {
    let rounded = bitcast<f32>((bitcast<u32>(x) + 0x1000u) & 0xffffe000u);
    return select(rounded, round(x * 16777216.0) * 5.9604644775390625e-8, abs(x) < 6.103515625e-5);
}

fn stage_input(place: u32, x: Four) {
    for (var i = 0u; i < 4u; i += 1u) {
        let scaled = x[i] / RANGE;
        let high = high_part(scaled);
        input_tile[place + i] = f16(high);
        input_low[place + i] = f16((scaled - high) * LOW);
    }
}

fn stage_weight(place: u32, x: Four) {
    for (var i = 0u; i < 4u; i += 1u) {
        let high = high_part(x[i]);
        weight_tile[place + i] = f16(high);
        weight_low[place + i] = f16((x[i] - high) * LOW);
    }
}

fn left_at(place: u32) -> Lefts {
    let high = coopLoadT<Left>(&input_tile[place], INPUT_STRIDE);
    return Lefts(high, coopLoadT<Left>(&input_low[place], INPUT_STRIDE));
}

fn right_at(place: u32) -> Rights {
    let high = coopLoadT<Right>(&weight_tile[place], WEIGHT_STRIDE);
    return Rights(high, coopLoadT<Right>(&weight_low[place], WEIGHT_STRIDE));
}

fn begin_block(total: Total) -> Total { return Total(begin(total.high), total.low); }

fn multiply(left: Lefts, right: Rights, sum: Total) -> Total {
    let low = coopMultiplyAdd(left.low, right.high, sum.low);
    let both = coopMultiplyAdd(left.high, right.low, low);
    let high = coopMultiplyAdd(left.high, right.high, sum.high);
    return Total(high, both);
}

fn end_block(total: Total, sum: Total) -> Total { return Total(end(total.high, sum.high), sum.low); }

fn store(total: Total, place: u32) {
    let high = total.high;
    let low = total.low;
    coopStoreT(high, &answers[place], EDGE);
    coopStoreT(low, &answers_low[place], EDGE);
}

fn answer(place: u32) -> f32 { return RANGE * fma(answers_low[place], 1.0 / LOW, answers[place]); }
