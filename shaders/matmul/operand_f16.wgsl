// The tensor cores multiply operands as one f16 each, which is exact for what is stored as f16.
//
// provides: Accumulator, OperandB, fold_partial, load_a, load_b, load_epilogue, multiply_add, open_partial,
//   stage_input, stage_weight, store_matrix;
// needs: EDGE, EPILOGUE_LDS, INPUT_STRIDE, INPUT_TILES, MatrixA, MatrixB, MatrixC, Operand4, WEIGHT_STRIDE,
//   WEIGHT_TILES, fold_matrix, open_matrix

alias OperandA = MatrixA;
alias OperandB = MatrixB;
alias Accumulator = MatrixC;

var<workgroup> input_tile: array<f16, INPUT_TILES>; // [BUFFERS, ROWS, INPUT_STRIDE]
var<workgroup> weight_tile: array<f16, WEIGHT_TILES>; // [BUFFERS, DEPTH, WEIGHT_STRIDE]
var<workgroup> epilogue_lds: array<f32, EPILOGUE_LDS>; // a matrix for each subgroup

fn stage_input(place: u32, x: Operand4) {
    input_tile[place] = x.x;
    input_tile[place + 1u] = x.y;
    input_tile[place + 2u] = x.z;
    input_tile[place + 3u] = x.w;
}

fn stage_weight(place: u32, x: Operand4) {
    weight_tile[place] = x.x;
    weight_tile[place + 1u] = x.y;
    weight_tile[place + 2u] = x.z;
    weight_tile[place + 3u] = x.w;
}

fn load_a(place: u32) -> OperandA { return coopLoadT<MatrixA>(&input_tile[place], INPUT_STRIDE); }
fn load_b(place: u32) -> OperandB { return coopLoadT<MatrixB>(&weight_tile[place], WEIGHT_STRIDE); }
fn open_partial(acc: Accumulator) -> Accumulator { return open_matrix(acc); }

fn multiply_add(a: OperandA, b: OperandB, partial: Accumulator) -> Accumulator {
    return coopMultiplyAdd(a, b, partial);
}

fn fold_partial(acc: Accumulator, partial: Accumulator) -> Accumulator { return fold_matrix(acc, partial); }
fn store_matrix(acc: Accumulator, place: u32) { coopStoreT(acc, &epilogue_lds[place], EDGE); }

fn load_epilogue(place: u32) -> f32 { return epilogue_lds[place]; }
