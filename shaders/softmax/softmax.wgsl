// softmax: output = exp(input - max(input)) / sum(exp(input - max(input))), row by row

struct Params { rows: u32, columns: u32 }
@group(1) @binding(0) var<uniform> params: Params;
@group(0) @binding(0) var<storage, read> input: array<f32>; // [rows, columns]
@group(0) @binding(1) var<storage, read_write> output: array<f32>; // [rows, columns]

override LANES: u32;

@compute @workgroup_size(LANES)
fn softmax(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) grid: vec3<u32>,
    lane: Lane,
) {
    let row = own_row(fold(workgroup, grid), lane);
    if row >= resolve(params.rows) { return; }
    let start = row * params.columns;

    var highest = LOWEST;
    for (var column = first_column(lane); column < params.columns; column = next_column(column)) {
        highest = max(highest, input[start + column]);
    }
    highest = reduce_max(lane, highest);

    var total = 0.0;
    for (var column = first_column(lane); column < params.columns; column = next_column(column)) {
        total += exponential(input[start + column] - highest);
    }
    total = reduce_add(lane, total);

    for (var column = first_column(lane); column < params.columns; column = next_column(column)) {
        output[start + column] = exponential(input[start + column] - highest) / total;
    }
}
