// loss: output[row] = the loss of one text's logits against its target, by the loss_*.wgsl that is linked
//
// provides: LANES, compute, logits, params; needs: Lane, first_column, fold, loss_of, own_row, resolve

struct Params { rows: u32, columns: u32 }
@group(0) @binding(14) var<uniform> params: Params;
@group(0) @binding(0) var<storage, read> logits: array<f32>; // [rows, columns]
@group(0) @binding(2) var<storage, read_write> output: array<f32>; // [rows]

override LANES: u32;

fn compute(workgroup: vec3<u32>, grid: vec3<u32>, lane: Lane) {
    let row = own_row(fold(workgroup, grid), lane);
    if row >= resolve(params.rows) { return; }
    let result = loss_of(row, lane);
    if first_column(lane) == 0u { output[row] = result; }
}
