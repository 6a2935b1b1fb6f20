// embed: output[token] = words[id] + positions[position] + types[type]
//
// A word table larger than one binding is bound in slices of rows, one launch each; a launch writes the tokens whose id lies
// in its slice.
//
// provides: embed, params;
// needs: Chunk, Stored, VECTOR_WIDTH, Weight, batch, fold, position_at, type_at, unpack, weight_index

struct Params { columns: u32, first_id: u32, ids: u32 }
@group(0) @binding(14) var<uniform> params: Params;
@group(0) @binding(0) var<storage, read> tokens: array<vec4<u32>>; // [tokens] of (id, type, position, text)
@group(0) @binding(1) var<storage, read> words: array<Weight>; // [ids, columns]
@group(0) @binding(2) var<storage, read_write> output: array<Stored>; // [tokens, columns]

override LANES: u32;

@compute @workgroup_size(LANES)
fn embed(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) grid: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let row = fold(workgroup, grid);
    if row >= batch.tokens { return; }
    let token = tokens[row];
    let id = token.x - params.first_id; // ids before the slice wrap around and fall out like those behind it
    if id >= params.ids { return; }
    let chunks = params.columns / VECTOR_WIDTH;
    for (var chunk = lane; chunk < chunks; chunk += LANES) {
        let place = id * chunks + chunk;
        let word = Chunk(unpack(words[weight_index(place)], place));
        let value = word + position_at(token.z, chunk) + type_at(token.y, chunk);
        output[row * chunks + chunk] = Stored(value);
    }
}
