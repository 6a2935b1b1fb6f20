// Operands as one f16 each, which is exact for what is stored as f16.

alias Lefts = Left;
alias Rights = Right;
alias Total = Sum;

var<workgroup> input_tile: array<f16, INPUT_TILES>; // [BUFFERS, ROWS, INPUT_STRIDE]
var<workgroup> weight_tile: array<f16, WEIGHT_TILES>; // [BUFFERS, DEPTH, WEIGHT_STRIDE]
var<workgroup> answers: array<f32, ANSWERS>; // a matrix for each subgroup

fn stage_input(place: u32, x: Four) {
    input_tile[place] = x.x;
    input_tile[place + 1u] = x.y;
    input_tile[place + 2u] = x.z;
    input_tile[place + 3u] = x.w;
}

fn stage_weight(place: u32, x: Four) {
    weight_tile[place] = x.x;
    weight_tile[place + 1u] = x.y;
    weight_tile[place + 2u] = x.z;
    weight_tile[place + 3u] = x.w;
}

fn left_at(place: u32) -> Lefts { return coopLoadT<Left>(&input_tile[place], INPUT_STRIDE); }
fn right_at(place: u32) -> Rights { return coopLoadT<Right>(&weight_tile[place], WEIGHT_STRIDE); }
fn begin_block(total: Total) -> Total { return begin(total); }
fn multiply(left: Lefts, right: Rights, sum: Total) -> Total { return coopMultiplyAdd(left, right, sum); }
fn end_block(total: Total, sum: Total) -> Total { return end(total, sum); }
fn store(total: Total, place: u32) { coopStoreT(total, &answers[place], EDGE); }

fn answer(place: u32) -> f32 { return answers[place]; }
