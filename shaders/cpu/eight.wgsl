// Arithmetic on eight queries at a time, for stream_subgroup.wgsl: written out, because a loop over registers may
// not be unrolled, which would keep them in memory.

const LANES: u32 = 8u;

// A vector, or a number, for each of the eight queries.
struct Eight {
    r0: vec4<f32>,
    r1: vec4<f32>,
    r2: vec4<f32>,
    r3: vec4<f32>,
    r4: vec4<f32>,
    r5: vec4<f32>,
    r6: vec4<f32>,
    r7: vec4<f32>,
}
struct Numbers { upper: vec4<f32>, lower: vec4<f32> }

// What each lane has, to all lanes.
fn spread(x: vec4<f32>) -> Eight {
    return Eight(
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

fn add_products(a: Eight, queries: Eight, key: vec4<f32>) -> Eight {
    return Eight(
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

fn add_scaled(a: Eight, by: Numbers, x: vec4<f32>) -> Eight {
    return Eight(
        fma(vec4<f32>(by.upper.x), x, a.r0),
        fma(vec4<f32>(by.upper.y), x, a.r1),
        fma(vec4<f32>(by.upper.z), x, a.r2),
        fma(vec4<f32>(by.upper.w), x, a.r3),
        fma(vec4<f32>(by.lower.x), x, a.r4),
        fma(vec4<f32>(by.lower.y), x, a.r5),
        fma(vec4<f32>(by.lower.z), x, a.r6),
        fma(vec4<f32>(by.lower.w), x, a.r7),
    );
}

fn scaled(a: Eight, by: Numbers) -> Eight {
    return Eight(
        a.r0 * by.upper.x,
        a.r1 * by.upper.y,
        a.r2 * by.upper.z,
        a.r3 * by.upper.w,
        a.r4 * by.lower.x,
        a.r5 * by.lower.y,
        a.r6 * by.lower.z,
        a.r7 * by.lower.w,
    );
}

fn sums(a: Eight) -> Numbers {
    return Numbers(
        vec4<f32>(sum(a.r0), sum(a.r1), sum(a.r2), sum(a.r3)),
        vec4<f32>(sum(a.r4), sum(a.r5), sum(a.r6), sum(a.r7)),
    );
}

fn times(a: f32, by: Numbers) -> Numbers {
    return Numbers(a * by.upper, a * by.lower);
}

fn both(a: Numbers, b: Numbers) -> Numbers {
    return Numbers(a.upper + b.upper, a.lower + b.lower);
}

fn exponentials(x: vec4<f32>) -> vec4<f32> {
    return vec4<f32>(exponential(x.x), exponential(x.y), exponential(x.z), exponential(x.w));
}

fn largest(x: vec4<f32>) -> vec4<f32> {
    let all = spread(x);
    return max(max(max(all.r0, all.r1), max(all.r2, all.r3)), max(max(all.r4, all.r5), max(all.r6, all.r7)));
}

fn added(x: vec4<f32>) -> vec4<f32> {
    let all = spread(x);
    return ((all.r0 + all.r1) + (all.r2 + all.r3)) + ((all.r4 + all.r5) + (all.r6 + all.r7));
}
