// The tensor cores multiply operands as two f16 each, x = hi + lo / LO_SCALE: 22 bits of x. Of the product's four terms the
// smallest, lo * lo, is below f32's last bit and left out (Markidis et al. 2018, Ootomo & Yokota 2022).
//
// Scaled by LO_SCALE, what hi leaves over keeps its 11 bits. Inputs are divided by INPUT_SCALE first: f16 ends at 65504.
//
// provides: Accumulator, OperandB, fold_partial, load_a, load_b, load_epilogue, multiply_add, open_partial,
//   stage_input, stage_weight, store_matrix;
// needs: EDGE, EPILOGUE_LDS, INPUT_STRIDE, INPUT_TILES, MatrixA, MatrixB, MatrixC, Operand4, WEIGHT_STRIDE,
//   WEIGHT_TILES, fold_matrix, open_matrix

const LO_SCALE: f32 = 2048.0;
const INPUT_SCALE: f32 = 16.0;

struct OperandA { hi: MatrixA, lo: MatrixA }
struct OperandB { hi: MatrixB, lo: MatrixB }
struct Accumulator { hi: MatrixC, lo: MatrixC }

var<workgroup> input_tile: array<f16, INPUT_TILES>; // [BUFFERS, ROWS, INPUT_STRIDE]
var<workgroup> input_tile_lo: array<f16, INPUT_TILES>;
var<workgroup> weight_tile: array<f16, WEIGHT_TILES>; // [BUFFERS, DEPTH, WEIGHT_STRIDE]
var<workgroup> weight_tile_lo: array<f16, WEIGHT_TILES>;
var<workgroup> epilogue_lds: array<f32, EPILOGUE_LDS>; // a matrix for each subgroup
var<workgroup> epilogue_lds_lo: array<f32, EPILOGUE_LDS>;

// x is rounded to what f16 holds: 11 bits, or multiples of 2^-24. Its bits are, because drivers take f32(f16(x)) for x.
fn hi_part(x: f32) -> f32 {
    let rounded = bitcast<f32>((bitcast<u32>(x) + 0x1000u) & 0xffffe000u);
    return select(rounded, round(x * 16777216.0) * 5.9604644775390625e-8, abs(x) < 6.103515625e-5);
}

fn stage_input(place: u32, x: Operand4) {
    for (var i = 0u; i < 4u; i += 1u) {
        let scaled = x[i] / INPUT_SCALE;
        let hi = hi_part(scaled);
        input_tile[place + i] = f16(hi);
        input_tile_lo[place + i] = f16((scaled - hi) * LO_SCALE);
    }
}

fn stage_weight(place: u32, x: Operand4) {
    for (var i = 0u; i < 4u; i += 1u) {
        let hi = hi_part(x[i]);
        weight_tile[place + i] = f16(hi);
        weight_tile_lo[place + i] = f16((x[i] - hi) * LO_SCALE);
    }
}

fn load_a(place: u32) -> OperandA {
    let hi = coopLoadT<MatrixA>(&input_tile[place], INPUT_STRIDE);
    return OperandA(hi, coopLoadT<MatrixA>(&input_tile_lo[place], INPUT_STRIDE));
}

fn load_b(place: u32) -> OperandB {
    let hi = coopLoadT<MatrixB>(&weight_tile[place], WEIGHT_STRIDE);
    return OperandB(hi, coopLoadT<MatrixB>(&weight_tile_lo[place], WEIGHT_STRIDE));
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

fn store_matrix(acc: Accumulator, place: u32) {
    let hi = acc.hi;
    let lo = acc.lo;
    coopStoreT(hi, &epilogue_lds[place], EDGE);
    coopStoreT(lo, &epilogue_lds_lo[place], EDGE);
}

fn load_epilogue(place: u32) -> f32 {
    return INPUT_SCALE * fma(epilogue_lds_lo[place], 1.0 / LO_SCALE, epilogue_lds[place]);
}
