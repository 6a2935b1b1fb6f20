// layernorm: x = input + residual; output = (x - mean(x)) / sqrt(variance(x) + epsilon) * weight + bias, row by row
//
// Two passes: the variance is the mean of squared distances from the mean, which loses no digits to cancellation.

struct Params { rows: u32, columns: u32, epsilon: f32 }
@group(1) @binding(0) var<uniform> params: Params;
@group(0) @binding(0) var<storage, read> input: array<Element>; // [rows, columns]
@group(0) @binding(1) var<storage, read> weight: array<Element>; // [columns]
@group(0) @binding(2) var<storage, read_write> output: array<Element>; // [rows, columns]

override LANES: u32;

fn value_at(index: u32) -> f32 { return f32(input[index]) + residual_at(index); }

@compute @workgroup_size(LANES)
fn layernorm(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) grid: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let row = fold(workgroup, grid);
    if row >= resolve(params.rows) { return; }
    let start = row * params.columns;
    let columns = f32(params.columns);

    var total = 0.0;
    for (var column = lane; column < params.columns; column += LANES) {
        total += value_at(start + column);
    }
    let mean = reduce_add(lane, total) / columns;

    var squares = 0.0;
    for (var column = lane; column < params.columns; column += LANES) {
        let distance = value_at(start + column) - mean;
        squares = fma(distance, distance, squares);
    }
    let variance = reduce_add(lane, squares) / columns;

    let scale = 1.0 / sqrt(variance + params.epsilon);
    for (var column = lane; column < params.columns; column += LANES) {
        let normal = (value_at(start + column) - mean) * scale;
        output[start + column] = Element(fma(normal, f32(weight[column]), bias_at(column)));
    }
}
