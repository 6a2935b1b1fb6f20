// roof_fma: output[i] = sum of 12 chains of x = x * factor + offset, each of 8 * rounds links
//
// The adapter's fastest arithmetic: nothing is loaded, the chains do not wait for each other, and they fit the registers
// of a CPU's vectors too. A round is long enough for the loop itself not to count.
//
// provides: roof_fma; needs: nothing

struct Params { rounds: u32, factor: f32, offset: f32 }
@group(0) @binding(14) var<uniform> params: Params;
@group(0) @binding(0) var<storage, read_write> output: array<f32>; // [invocations]

override LANES: u32;

@compute @workgroup_size(LANES)
fn roof_fma(
    @builtin(global_invocation_id) invocation: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let factor = vec4<f32>(params.factor);
    let offset = vec4<f32>(params.offset);
    let start = f32(lane) / f32(LANES);
    var a = vec4<f32>(start, start + 1.0, start + 2.0, start + 3.0);
    var b = a + 4.0;
    var c = a + 8.0;
    for (var round = 0u; round < params.rounds; round += 1u) {
        a = fma(a, factor, offset); b = fma(b, factor, offset); c = fma(c, factor, offset);
        a = fma(a, factor, offset); b = fma(b, factor, offset); c = fma(c, factor, offset);
        a = fma(a, factor, offset); b = fma(b, factor, offset); c = fma(c, factor, offset);
        a = fma(a, factor, offset); b = fma(b, factor, offset); c = fma(c, factor, offset);
        a = fma(a, factor, offset); b = fma(b, factor, offset); c = fma(c, factor, offset);
        a = fma(a, factor, offset); b = fma(b, factor, offset); c = fma(c, factor, offset);
        a = fma(a, factor, offset); b = fma(b, factor, offset); c = fma(c, factor, offset);
        a = fma(a, factor, offset); b = fma(b, factor, offset); c = fma(c, factor, offset);
    }
    let total = a + b + c;
    output[invocation.x] = (total.x + total.y) + (total.z + total.w);
}
