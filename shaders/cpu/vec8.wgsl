// Arithmetic on eight queries at a time, for flash_vec8.wgsl. It is written out, because a loop over registers may not be
// unrolled, which would keep them in memory. A Vec8 is a number for each of the eight queries.
//
// provides: LANES, Vec4x8, add8, add_products, add_scaled, broadcast, exponentials, scale8, scaled, subgroup_max4,
//   subgroup_sum4, sums8;
// needs: Vec8, exponential, sum

const LANES: u32 = 8u;

// A vector for each of the eight queries.
struct Vec4x8 {
    r0: vec4<f32>,
    r1: vec4<f32>,
    r2: vec4<f32>,
    r3: vec4<f32>,
    r4: vec4<f32>,
    r5: vec4<f32>,
    r6: vec4<f32>,
    r7: vec4<f32>,
}

// What each lane has reaches all lanes.
fn broadcast(x: vec4<f32>) -> Vec4x8 {
    return Vec4x8(
        subgroupBroadcast(x, 0u),
        subgroupBroadcast(x, 1u),
        subgroupBroadcast(x, 2u),
        subgroupBroadcast(x, 3u),
        subgroupBroadcast(x, 4u),
        subgroupBroadcast(x, 5u),
        subgroupBroadcast(x, 6u),
        subgroupBroadcast(x, 7u),
    );
}

fn add_products(a: Vec4x8, queries: Vec4x8, key: vec4<f32>) -> Vec4x8 {
    return Vec4x8(
        fma(queries.r0, key, a.r0),
        fma(queries.r1, key, a.r1),
        fma(queries.r2, key, a.r2),
        fma(queries.r3, key, a.r3),
        fma(queries.r4, key, a.r4),
        fma(queries.r5, key, a.r5),
        fma(queries.r6, key, a.r6),
        fma(queries.r7, key, a.r7),
    );
}

fn add_scaled(a: Vec4x8, by: Vec8, x: vec4<f32>) -> Vec4x8 {
    return Vec4x8(
        fma(vec4<f32>(by.low.x), x, a.r0),
        fma(vec4<f32>(by.low.y), x, a.r1),
        fma(vec4<f32>(by.low.z), x, a.r2),
        fma(vec4<f32>(by.low.w), x, a.r3),
        fma(vec4<f32>(by.high.x), x, a.r4),
        fma(vec4<f32>(by.high.y), x, a.r5),
        fma(vec4<f32>(by.high.z), x, a.r6),
        fma(vec4<f32>(by.high.w), x, a.r7),
    );
}

fn scaled(a: Vec4x8, by: Vec8) -> Vec4x8 {
    return Vec4x8(
        a.r0 * by.low.x,
        a.r1 * by.low.y,
        a.r2 * by.low.z,
        a.r3 * by.low.w,
        a.r4 * by.high.x,
        a.r5 * by.high.y,
        a.r6 * by.high.z,
        a.r7 * by.high.w,
    );
}

fn sums8(a: Vec4x8) -> Vec8 {
    return Vec8(
        vec4<f32>(sum(a.r0), sum(a.r1), sum(a.r2), sum(a.r3)),
        vec4<f32>(sum(a.r4), sum(a.r5), sum(a.r6), sum(a.r7)),
    );
}

fn scale8(a: f32, by: Vec8) -> Vec8 {
    return Vec8(a * by.low, a * by.high);
}

fn add8(a: Vec8, b: Vec8) -> Vec8 {
    return Vec8(a.low + b.low, a.high + b.high);
}

fn exponentials(x: vec4<f32>) -> vec4<f32> {
    return vec4<f32>(exponential(x.x), exponential(x.y), exponential(x.z), exponential(x.w));
}

fn subgroup_max4(x: vec4<f32>) -> vec4<f32> {
    let all = broadcast(x);
    return max(max(max(all.r0, all.r1), max(all.r2, all.r3)), max(max(all.r4, all.r5), max(all.r6, all.r7)));
}

fn subgroup_sum4(x: vec4<f32>) -> vec4<f32> {
    let all = broadcast(x);
    return ((all.r0 + all.r1) + (all.r2 + all.r3)) + ((all.r4 + all.r5) + (all.r6 + all.r7));
}
