// rotary: of each head, (a, b) = (x[k], x[k + half]) becomes (a cos - b sin, b cos + a sin) at the token's angle k; in place
//
// provides: rotary; needs: Chunk, Stored, VECTOR_WIDTH, batch, fold

struct Params { columns: u32, heads: u32, half: u32 }
@group(0) @binding(14) var<uniform> params: Params;
@group(0) @binding(0) var<storage, read> tokens: array<vec4<u32>>; // [tokens] of (id, type, position, text)
@group(0) @binding(1) var<storage, read> angles: array<Chunk>; // [positions, 2 half]: cosines, then sines
@group(0) @binding(2) var<storage, read_write> rows: array<Stored>; // [tokens, columns], of which the first heads * 2 half

override LANES: u32;

@compute @workgroup_size(LANES)
fn rotary(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) grid: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let row = fold(workgroup, grid);
    if row >= batch.tokens { return; }
    let half = params.half / VECTOR_WIDTH;
    let start = row * params.columns / VECTOR_WIDTH;
    let place = tokens[row].z * 2u * half;
    for (var pair = lane; pair < params.heads * half; pair += LANES) {
        let k = pair % half;
        let first = start + 2u * pair - k;
        let cosine = angles[place + k];
        let sine = angles[place + half + k];
        let a = Chunk(rows[first]);
        let b = Chunk(rows[first + half]);
        rows[first] = Stored(a * cosine - b * sine);
        rows[first + half] = Stored(b * cosine + a * sine);
    }
}
