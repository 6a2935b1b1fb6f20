// gate: output = activation(one half of the input's columns) * the other half
//
// provides: gate; needs: Chunk, Stored, VECTOR_WIDTH, activate_chunk, fold, resolve

struct Params { rows: u32, columns: u32 }
@group(0) @binding(14) var<uniform> params: Params;
@group(0) @binding(0) var<storage, read> input: array<Stored>; // [rows, 2 columns]
@group(0) @binding(1) var<storage, read_write> output: array<Stored>; // [rows, columns]

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
    let chunks = params.columns / VECTOR_WIDTH;
    let start = row * 2u * chunks;
    for (var chunk = lane; chunk < chunks; chunk += LANES) {
        let first = Chunk(input[start + chunk]);
        let second = Chunk(input[start + chunks + chunk]);
        let activated = activate_chunk(select(first, second, SECOND));
        output[row * chunks + chunk] = Stored(activated * select(second, first, SECOND));
    }
}
