// pool: output[text] = input[first token of the text], or the mean of the text's rows
//
// provides: pool; needs: Chunk, Stored, VECTOR_WIDTH, batch, fold

struct Params { columns: u32 }
@group(0) @binding(14) var<uniform> params: Params;
@group(0) @binding(0) var<storage, read> input: array<Stored>; // [tokens, columns]
@group(0) @binding(1) var<storage, read> cu_seqlens: array<u32>; // [texts + 1]
@group(0) @binding(2) var<storage, read_write> output: array<Stored>; // [texts, columns]

override LANES: u32;
override MEAN: bool;

@compute @workgroup_size(LANES)
fn pool(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) grid: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let row = fold(workgroup, grid);
    if row >= batch.texts { return; }
    let first = cu_seqlens[row];
    let end = select(first + 1u, cu_seqlens[row + 1u], MEAN);
    let chunks = params.columns / VECTOR_WIDTH;
    for (var chunk = lane; chunk < chunks; chunk += LANES) {
        var total = Chunk(0);
        for (var token = first; token < end; token += 1u) {
            total += Chunk(input[token * chunks + chunk]);
        }
        output[row * chunks + chunk] = Stored(total / f32(end - first));
    }
}
