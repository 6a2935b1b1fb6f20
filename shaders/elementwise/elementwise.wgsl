// elementwise: output = activation(input), element by element
//
// provides: elementwise; needs: activate, fold, resolve

struct Params { rows: u32, columns: u32 }
@group(0) @binding(14) var<uniform> params: Params;
@group(0) @binding(0) var<storage, read> input: array<f32>; // [rows, columns]
@group(0) @binding(1) var<storage, read_write> output: array<f32>; // [rows, columns]

override LANES: u32;

@compute @workgroup_size(LANES)
fn elementwise(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) grid: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let index = fold(workgroup, grid) * LANES + lane;
    if index >= resolve(params.rows) * params.columns { return; }
    output[index] = activate(input[index]);
}
