// softmax: output = exp(input - max(input)) / sum(exp(input - max(input))), row by row
//
// provides: LANES, compute;
// needs: LOWEST, Lane, exponential, first_column, fold, next_column, own_row, reduce_add, reduce_max, resolve

struct Params { rows: u32, columns: u32 }
@group(0) @binding(14) var<uniform> params: Params;
@group(0) @binding(0) var<storage, read> input: array<f32>; // [rows, columns]
@group(0) @binding(1) var<storage, read_write> output: array<f32>; // [rows, columns]

override LANES: u32;

fn compute(workgroup: vec3<u32>, grid: vec3<u32>, lane: Lane) {
    let row = own_row(fold(workgroup, grid), lane);
    if row >= resolve(params.rows) { return; }
    let start = row * params.columns;

    var row_max = LOWEST;
    for (var column = first_column(lane); column < params.columns; column = next_column(column)) {
        row_max = max(row_max, input[start + column]);
    }
    row_max = reduce_max(lane, row_max);

    var row_sum = 0.0;
    for (var column = first_column(lane); column < params.columns; column = next_column(column)) {
        row_sum += exponential(input[start + column] - row_max);
    }
    row_sum = reduce_add(lane, row_sum);

    for (var column = first_column(lane); column < params.columns; column = next_column(column)) {
        output[start + column] = exponential(input[start + column] - row_max) / row_sum;
    }
}
