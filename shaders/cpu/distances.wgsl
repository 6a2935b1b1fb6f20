// What the scores of a block depend on by distance: its 8 queries and 8 keys have 15 distances. A lane has one of them,
// that of the first query and the lane's key; the other 7 were the lanes' in the block before, whose keys are 8 nearer to
// the text's first.
//
// provides: by_distance, by_query, diagonals; needs: Vec4x8, Vec8

// A number for each query and the lane's key, of numbers by distance: those of the block before and those of now.
fn by_distance(before: Vec8, now: Vec8, lane: u32) -> Vec8 {
    let b = before;
    return Vec8(
        vec4<f32>(
            now.low.x,
            subgroupShuffle(select(now.low.y, b.low.y, lane >= 7u), (lane + 7u) % 8u),
            subgroupShuffle(select(now.low.z, b.low.z, lane >= 6u), (lane + 6u) % 8u),
            subgroupShuffle(select(now.low.w, b.low.w, lane >= 5u), (lane + 5u) % 8u),
        ),
        vec4<f32>(
            subgroupShuffle(select(now.high.x, b.high.x, lane >= 4u), (lane + 4u) % 8u),
            subgroupShuffle(select(now.high.y, b.high.y, lane >= 3u), (lane + 3u) % 8u),
            subgroupShuffle(select(now.high.z, b.high.z, lane >= 2u), (lane + 2u) % 8u),
            subgroupShuffle(select(now.high.w, b.high.w, lane >= 1u), (lane + 1u) % 8u),
        ),
    );
}

// Row s of the result is for each lane l the row at the distance of query (s + l) mod 8 and the lane's key.
fn diagonals(before: vec4<f32>, now: vec4<f32>, lane: u32) -> Vec4x8 {
    return Vec4x8(
        subgroupBroadcast(now, 0u),
        select(subgroupBroadcast(before, 7u), subgroupBroadcast(now, 7u), lane >= 7u),
        select(subgroupBroadcast(before, 6u), subgroupBroadcast(now, 6u), lane >= 6u),
        select(subgroupBroadcast(before, 5u), subgroupBroadcast(now, 5u), lane >= 5u),
        select(subgroupBroadcast(before, 4u), subgroupBroadcast(now, 4u), lane >= 4u),
        select(subgroupBroadcast(before, 3u), subgroupBroadcast(now, 3u), lane >= 3u),
        select(subgroupBroadcast(before, 2u), subgroupBroadcast(now, 2u), lane >= 2u),
        select(subgroupBroadcast(before, 1u), subgroupBroadcast(now, 1u), lane >= 1u),
    );
}

// Numbers by query, of numbers by diagonal: lane l's number r becomes what was its number (r - l) mod 8.
fn by_query(x: Vec8, lane: u32) -> Vec8 {
    let one = (lane & 1u) != 0u;
    let a = Vec8(
        select(x.low, vec4<f32>(x.high.w, x.low.xyz), one),
        select(x.high, vec4<f32>(x.low.w, x.high.xyz), one),
    );
    let two = (lane & 2u) != 0u;
    let b = Vec8(
        select(a.low, vec4<f32>(a.high.zw, a.low.xy), two),
        select(a.high, vec4<f32>(a.low.zw, a.high.xy), two),
    );
    let four = (lane & 4u) != 0u;
    return Vec8(select(b.low, b.high, four), select(b.high, b.low, four));
}
