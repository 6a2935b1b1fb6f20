// rotary: of each head, (a, b) = (x[k], x[k + half]) becomes (a cos - b sin, b cos + a sin) at the token's angle k; in place

struct Params { columns: u32, heads: u32, half: u32 }
@group(1) @binding(0) var<uniform> params: Params;
@group(0) @binding(0) var<storage, read> tokens: array<vec4<u32>>; // [tokens] of (id, type, position, text)
@group(0) @binding(1) var<storage, read> angles: array<f32>; // [positions, 2 half]: cosines, then sines
@group(0) @binding(2) var<storage, read_write> rows: array<Element>; // [tokens, columns], of which the first heads * 2 half

override LANES: u32;

@compute @workgroup_size(LANES)
fn rotary(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) grid: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let row = fold(workgroup, grid);
    if row >= batch.tokens { return; }
    let place = tokens[row].z * 2u * params.half;
    for (var pair = lane; pair < params.heads * params.half; pair += LANES) {
        let k = pair % params.half;
        let first = row * params.columns + pair / params.half * 2u * params.half + k;
        let cosine = angles[place + k];
        let sine = angles[place + params.half + k];
        let a = f32(rows[first]);
        let b = f32(rows[first + params.half]);
        rows[first] = Element(a * cosine - b * sine);
        rows[first + params.half] = Element(b * cosine + a * sine);
    }
}
