// Eight consecutive f32 are loaded at once, as four 64-bit integers: WGSL can express no wider load. On Mesa's llvmpipe a
// load is a loop over the lanes that costs much the same whatever its width.
//
// provides: Vec8, Wide, vec8; needs: nothing

alias Wide = vec4<u64>;
struct Vec8 { low: vec4<f32>, high: vec4<f32> }

fn vec8(wide: Wide) -> Vec8 {
    let even = bitcast<vec4<f32>>(vec4<u32>(wide));
    let odd = bitcast<vec4<f32>>(vec4<u32>(wide >> vec4<u32>(32u)));
    return Vec8(vec4<f32>(even.x, odd.x, even.y, odd.y), vec4<f32>(even.z, odd.z, even.w, odd.w));
}
