// Eight consecutive f32 loaded at once, as four 64-bit integers: WGSL can express no wider load. On Mesa's llvmpipe a
// load is a loop over the lanes that costs much the same whatever its width.

alias Wide = vec4<u64>;
struct Pair { low: vec4<f32>, high: vec4<f32> }

fn pair(wide: Wide) -> Pair {
    let even = bitcast<vec4<f32>>(vec4<u32>(wide));
    let odd = bitcast<vec4<f32>>(vec4<u32>(wide >> vec4<u32>(32u)));
    return Pair(vec4<f32>(even.x, odd.x, even.y, odd.y), vec4<f32>(even.z, odd.z, even.w, odd.w));
}
