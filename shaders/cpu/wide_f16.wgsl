// Eight consecutive f16 are loaded at once, as wide_f32.wgsl loads f32.
//
// provides: Vec8, Wide, vec8; needs: nothing

alias Wide = vec4<u32>;
struct Vec8 { low: vec4<f32>, high: vec4<f32> }

fn vec8(wide: Wide) -> Vec8 {
    let low = vec4<f32>(unpack2x16float(wide.x), unpack2x16float(wide.y));
    return Vec8(low, vec4<f32>(unpack2x16float(wide.z), unpack2x16float(wide.w)));
}
