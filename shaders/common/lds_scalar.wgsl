// What tensor cores load and store lies in workgroup memory number by number: Metal's simdgroup matrices take no pointer to a
// vector.
//
// provides: LDS_WIDTH, LdsF16, LdsF32, lds_f16, lds_f32; needs: nothing

const LDS_WIDTH: u32 = 1u;
alias LdsF16 = f16;
alias LdsF32 = f32;

// The i-th element of memory that has some of `x`.
fn lds_f16(x: vec4<f16>, i: u32) -> LdsF16 { return x[i]; }
// `x` with what the i-th element of memory has of it.
fn lds_f32(x: vec4<f32>, i: u32, element: LdsF32) -> vec4<f32> {
    var both = x;
    both[i] = element;
    return both;
}
