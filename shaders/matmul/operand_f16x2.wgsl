// The tensor cores multiply operands as two f16 each, x = hi + lo / LO_SCALE: 22 bits of x. Of the product's four terms the
// smallest, lo * lo, is below f32's last bit and left out (Markidis et al. 2018, Ootomo & Yokota 2022).
//
// Scaled by LO_SCALE, what hi leaves over keeps its 11 bits. Inputs are divided by INPUT_SCALE first: f16 ends at 65504.
//
// provides: Accumulator, INPUT_SCALE, LO_SCALE, OperandB, fold_partial, load_a, load_b, multiply_add, open_partial,
//   stage_input, stage_weight;
// needs: INPUT_TILES, LDS_WIDTH, LdsF16, MatrixA, MatrixB, MatrixC, Operand, STRIDE, WEIGHT_TILES, fold_matrix, lds_f16,
//   open_matrix

const LO_SCALE: f32 = 2048.0;
const INPUT_SCALE: f32 = 16.0;

struct OperandA { hi: MatrixA, lo: MatrixA }
struct OperandB { hi: MatrixB, lo: MatrixB }
struct Accumulator { hi: MatrixC, lo: MatrixC }

var<workgroup> input_tile: array<LdsF16, INPUT_TILES>; // [BUFFERS, ROWS, STRIDE]
var<workgroup> input_tile_lo: array<LdsF16, INPUT_TILES>;
var<workgroup> weight_tile: array<LdsF16, WEIGHT_TILES>; // [BUFFERS, COLUMNS, STRIDE]
var<workgroup> weight_tile_lo: array<LdsF16, WEIGHT_TILES>;

// x is rounded to what f16 holds: 11 bits, or multiples of 2^-24. Its bits are, because drivers take f32(f16(x)) for x.
fn hi_part(x: vec4<f32>) -> vec4<f32> {
    let rounded = bitcast<vec4<f32>>((bitcast<vec4<u32>>(x) + vec4<u32>(0x1000u)) & vec4<u32>(0xffffe000u));
    let small = round(x * 16777216.0) * 5.9604644775390625e-8;
    return select(rounded, small, abs(x) < vec4<f32>(6.103515625e-5));
}

fn stage_input(place: u32, x: Operand) {
    let scaled = x / INPUT_SCALE;
    let hi = hi_part(scaled);
    let lo = (scaled - hi) * LO_SCALE;
    for (var i = 0u; i < 4u / LDS_WIDTH; i += 1u) {
        input_tile[place / LDS_WIDTH + i] = lds_f16(vec4<f16>(hi), i);
        input_tile_lo[place / LDS_WIDTH + i] = lds_f16(vec4<f16>(lo), i);
    }
}

fn stage_weight(place: u32, x: Operand) {
    let hi = hi_part(x);
    let lo = (x - hi) * LO_SCALE;
    for (var i = 0u; i < 4u / LDS_WIDTH; i += 1u) {
        weight_tile[place / LDS_WIDTH + i] = lds_f16(vec4<f16>(hi), i);
        weight_tile_lo[place / LDS_WIDTH + i] = lds_f16(vec4<f16>(lo), i);
    }
}

fn load_a(place: u32) -> OperandA {
    let hi = coopLoadT<MatrixA>(&input_tile[place / LDS_WIDTH], STRIDE / LDS_WIDTH);
    return OperandA(hi, coopLoadT<MatrixA>(&input_tile_lo[place / LDS_WIDTH], STRIDE / LDS_WIDTH));
}

fn load_b(place: u32) -> OperandB {
    let hi = coopLoad<MatrixB>(&weight_tile[place / LDS_WIDTH], STRIDE / LDS_WIDTH);
    return OperandB(hi, coopLoad<MatrixB>(&weight_tile_lo[place / LDS_WIDTH], STRIDE / LDS_WIDTH));
}

fn open_partial(acc: Accumulator) -> Accumulator { return Accumulator(open_matrix(acc.hi), acc.lo); }

fn multiply_add(a: OperandA, b: OperandB, partial: Accumulator) -> Accumulator {
    let lo = coopMultiplyAdd(a.lo, b.hi, partial.lo);
    let both = coopMultiplyAdd(a.hi, b.lo, lo);
    let hi = coopMultiplyAdd(a.hi, b.hi, partial.hi);
    return Accumulator(hi, both);
}

fn fold_partial(acc: Accumulator, partial: Accumulator) -> Accumulator {
    return Accumulator(fold_matrix(acc.hi, partial.hi), partial.lo);
}
