// roof_copy: output[i] = input[i]
//
// The adapter's bandwidth, as far as shaders get at it: each lane moves EACH pieces, a workgroup's lie end to end.
//
// provides: roof_copy; needs: Piece

struct Params { pieces: u32 }
@group(0) @binding(14) var<uniform> params: Params;
@group(0) @binding(0) var<storage, read> input: array<Piece>; // [pieces]
@group(0) @binding(1) var<storage, read_write> output: array<Piece>; // [pieces]

override LANES: u32;
override EACH: u32;

@compute @workgroup_size(LANES)
fn roof_copy(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let first = workgroup.x * LANES * EACH + lane;
    for (var i = 0u; i < EACH; i += 1u) {
        let piece = first + i * LANES;
        if piece < params.pieces { output[piece] = input[piece]; }
    }
}
