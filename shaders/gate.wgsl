// gate: output = activation(one half of the input's columns) * the other half

struct Params { rows: u32, columns: u32 }
@group(1) @binding(0) var<uniform> params: Params;
@group(0) @binding(0) var<storage, read> input: array<Element>; // [rows, 2 columns]
@group(0) @binding(1) var<storage, read_write> output: array<Element>; // [rows, columns]

override LANES: u32;
override SECOND: bool; // whether the second half is the activated one

@compute @workgroup_size(LANES)
fn gate(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) grid: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let row = fold(workgroup, grid);
    if row >= resolve(params.rows) { return; }
    let start = row * 2u * params.columns;
    for (var column = lane; column < params.columns; column += LANES) {
        let first = f32(input[start + column]);
        let second = f32(input[start + params.columns + column]);
        let activated = select(first, second, SECOND);
        output[row * params.columns + column] = Element(activate(activated) * select(second, first, SECOND));
    }
}
