// matmul: output = activation(input . weight + bias) + residual
//
// The tile has the loops and the entry point. In all tiles, but for those on tensor cores, which are alike among themselves, a
// sum over k is a sum of sums of four: the products of k = 0, 1, 2, 3 by fma, then those of the next four added to it, and so
// on. A row of the output depends neither on the tile nor on the rows beside it, and a sum over 768 has the rounding of 192
// additions.
//
// provides: Addends, add4, addends, epilogue, input, params;
// needs: Chunk, Input, VECTOR_WIDTH, Written, activate_chunk, bias_at, residual_at

// `first` selects the columns first .. first + columns of a weight (and bias) of weight_columns columns.
struct Params { rows: u32, inner: u32, columns: u32, weight_columns: u32, first: u32 }
@group(0) @binding(14) var<uniform> params: Params;
@group(0) @binding(0) var<storage, read> input: array<Input>; // [rows, inner]
@group(0) @binding(2) var<storage, read_write> output: array<Written>; // [rows, columns]

// Adds the products of the next four k of one row and four columns: a column of `weights` is one k.
fn add4(x: vec4<f32>, weights: mat4x4<f32>, acc: vec4<f32>) -> vec4<f32> {
    return acc + fma(x.wwww, weights[3], fma(x.zzzz, weights[2], fma(x.yyyy, weights[1], x.xxxx * weights[0])));
}

// What is added to a chunk of the product, which a tile may load long before.
struct Addends { bias: Chunk, residual: Chunk }

// `column` counts chunks.
fn place_of(row: u32, column: u32) -> u32 { return row * (params.columns / VECTOR_WIDTH) + column; }

fn addends(row: u32, column: u32) -> Addends {
    return Addends(bias_at(params.first / VECTOR_WIDTH + column), residual_at(place_of(row, column)));
}

fn epilogue(row: u32, column: u32, acc: Chunk, addends: Addends) {
    output[place_of(row, column)] = Written(activate_chunk(acc + addends.bias) + addends.residual);
}
