// Eight consecutive f16 loaded at once, as wide_f32.wgsl loads f32.

alias Wide = vec4<u32>;
struct Pair { low: vec4<f32>, high: vec4<f32> }

fn pair(wide: Wide) -> Pair {
    let low = vec4<f32>(unpack2x16float(wide.x), unpack2x16float(wide.y));
    return Pair(low, vec4<f32>(unpack2x16float(wide.z), unpack2x16float(wide.w)));
}
