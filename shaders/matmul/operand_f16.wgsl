// The tensor cores multiply operands as one f16 each, which is exact for what is stored as f16.
//
// provides: Accumulator, OperandB, fold_partial, load_a, load_b, load_epilogue, multiply_add, open_partial,
//   stage_input, stage_weight, store_matrix;
// needs: EDGE, INPUT_TILES, LDS_WIDTH, LdsF16, LdsF32, MatrixA, MatrixB, MatrixC, Operand, PACKET, SLOTS,
//   STRIDE, WEIGHT_TILES, four_of, lds_f16, lds_f32

alias OperandA = MatrixA;
alias OperandB = MatrixB;
alias Accumulator = MatrixC;

var<workgroup> input_tile: array<LdsF16, INPUT_TILES>; // [BUFFERS, ROWS, STRIDE]
var<workgroup> weight_tile: array<LdsF16, WEIGHT_TILES>; // [BUFFERS, COLUMNS, STRIDE]
var<workgroup> epilogue_lds: array<LdsF32, SLOTS * EDGE * EDGE / LDS_WIDTH>;

fn stage_input(place: u32, x: Operand) {
    // @unroll
    for (var four = 0u; four < PACKET / 4u; four += 1u) {
        for (var i = 0u; i < 4u / LDS_WIDTH; i += 1u) {
            input_tile[(place + 4u * four) / LDS_WIDTH + i] = lds_f16(four_of(x, four), i);
        }
    }
}

fn stage_weight(place: u32, x: Operand) {
    // @unroll
    for (var four = 0u; four < PACKET / 4u; four += 1u) {
        for (var i = 0u; i < 4u / LDS_WIDTH; i += 1u) {
            weight_tile[(place + 4u * four) / LDS_WIDTH + i] = lds_f16(four_of(x, four), i);
        }
    }
}

fn load_a(place: u32) -> OperandA { return coopLoadT<MatrixA>(&input_tile[place / LDS_WIDTH], STRIDE / LDS_WIDTH); }
fn load_b(place: u32) -> OperandB { return coopLoad<MatrixB>(&weight_tile[place / LDS_WIDTH], STRIDE / LDS_WIDTH); }

// Tensor cores round their sums towards zero: by less, over a whole row, than f16 rounds what is stored.
fn open_partial(acc: Accumulator) -> Accumulator { return acc; }

fn multiply_add(a: OperandA, b: OperandB, partial: Accumulator) -> Accumulator {
    return coopMultiplyAdd(a, b, partial);
}

fn fold_partial(acc: Accumulator, partial: Accumulator) -> Accumulator { return partial; }

fn store_matrix(acc: Accumulator, slot: u32) {
    coopStoreT(acc, &epilogue_lds[slot * EDGE * EDGE / LDS_WIDTH], EDGE / LDS_WIDTH);
}

fn load_epilogue(slot: u32, place: u32) -> vec4<f32> {
    var sum: vec4<f32>;
    for (var i = 0u; i < 4u / LDS_WIDTH; i += 1u) {
        sum = lds_f32(sum, i, epilogue_lds[(slot * EDGE * EDGE + place) / LDS_WIDTH + i]);
    }
    return sum;
}
