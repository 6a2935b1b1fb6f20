// Functions of one number that WGSL lacks or that drivers compute too coarsely.
//
// provides: LOWEST, error_function, exponential, hyperbolic_tangent, is_nan, logistic; needs: nothing

const LOWEST: f32 = -3.4028234663852886e38;

// Comparisons with NaN may be optimised away; its bits may not.
fn is_nan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }

// 2^n * e^r with |r| <= ln(2) / 2 (Cephes expf), in two steps so that n may reach beyond f32's exponents. e^0 is
// exactly 1, on which the online softmax relies.
fn exponential(x: f32) -> f32 {
    let bounded = clamp(x, -104.0, 89.0);
    let n = round(bounded * 1.4426950408889634);
    let i = i32(n);
    // ln(2) in two parts, the first times n exact. Mesa folds a * b + (a * c + d) into a * (b + c) + d, which loses what
    // the second part is for: n in another guise prevents it.
    let r = fma(f32(i), 0.00021219444005469058, fma(n, -0.693359375, bounded));
    var p = 0.00019875691500;
    p = fma(p, r, 0.0013981999507);
    p = fma(p, r, 0.0083334519073);
    p = fma(p, r, 0.041665795894);
    p = fma(p, r, 0.16666665459);
    p = fma(p, r, 0.50000001201);
    p = fma(p, r * r, r) + 1.0;
    let half = i >> 1u;
    let scaled = p * bitcast<f32>((half + 127) << 23u) * bitcast<f32>((i - half + 127) << 23u);
    return select(scaled, x, is_nan(x));
}

fn logistic(x: f32) -> f32 { return 1.0 / (1.0 + exponential(-x)); }

// erf to 1.5e-7: below 1 an odd polynomial, above it 1 - exp(polynomial), both Chebyshev fits of the exact function.
fn error_function(x: f32) -> f32 {
    let a = abs(x);
    if a < 1.0 {
        let t = x * x;
        var p = 7.882497448008507e-05;
        p = fma(p, t, -0.0008018855005502701);
        p = fma(p, t, 0.005189312156289816);
        p = fma(p, t, -0.02685432881116867);
        p = fma(p, t, 0.11283597350120544);
        p = fma(p, t, -0.3761262595653534);
        p = fma(p, t, 1.1283791065216064);
        return x * p;
    }
    let t = min(a, 4.0); // erf(4) is 1 in f32
    var p = 1.6140616025950294e-06;
    p = fma(p, t, -4.559062290354632e-05);
    p = fma(p, t, 0.0005927695310674608);
    p = fma(p, t, -0.004740222357213497);
    p = fma(p, t, 0.02636471763253212);
    p = fma(p, t, -0.10997824370861053);
    p = fma(p, t, -0.6319370865821838);
    p = fma(p, t, -1.1301666498184204);
    p = fma(p, t, 0.00030321296071633697);
    return sign(x) * (1.0 - exponential(p));
}

// tanh that neither overflows nor cancels near zero.
fn hyperbolic_tangent(x: f32) -> f32 {
    let a = abs(x);
    if a < 0.25 {
        let t = x * x;
        return x * fma(t, fma(t, fma(t, -0.05396825396825397, 0.13333333333333333), -0.3333333333333333), 1.0);
    }
    let e = exponential(-2.0 * a);
    return sign(x) * (1.0 - e) / (1.0 + e);
}
