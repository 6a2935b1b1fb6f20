// matmul: output = activation(input . weight + bias) + residual
//
// The loops are the linked tile's, and so is the entry point. Whatever the tile (on matrix units it is always the same
// one), a sum over k is a sum of sums of four: the products of k = 0, 1, 2, 3 by fma, then those of the next four added to
// it, and so on. A row's answer does not depend on the tile or on the rows beside it, and a sum over 768 has the rounding
// of 192 additions.

// `first` selects the columns first .. first + columns of a weight (and bias) of weight_columns columns.
struct Params { rows: u32, inner: u32, columns: u32, weight_columns: u32, first: u32 }
@group(1) @binding(0) var<uniform> params: Params;
@group(0) @binding(0) var<storage, read> input: array<Stored>; // [rows, inner]
@group(0) @binding(2) var<storage, read_write> output: array<Written>; // [rows, columns]

// A total and the next four k of one row, of four columns: those of the matrix are k, in order.
fn add4(x: vec4<f32>, weights: mat4x4<f32>, total: vec4<f32>) -> vec4<f32> {
    return total + fma(x.wwww, weights[3], fma(x.zzzz, weights[2], fma(x.yyyy, weights[1], x.xxxx * weights[0])));
}

// `column` counts chunks.
fn finish(row: u32, column: u32, total: Chunk) {
    let index = row * (params.columns / WIDTH) + column;
    output[index] = Written(activate_chunk(total + bias_at(params.first / WIDTH + column)) + residual_at(index));
}
