// What the scores of a block depend on by distance: its 8 queries and 8 keys have 15 distances. A lane has one of them,
// that of the first query and the lane's key; the other 7 were the lanes' in the block before, whose keys are 8 nearer to
// the text's first.

// A number for each query and the lane's key, of numbers by distance: those of the block before and those of now.
fn by_distance(before: Numbers, now: Numbers, lane: u32) -> Numbers {
    let b = before;
    return Numbers(
        vec4<f32>(
            now.upper.x,
            subgroupShuffle(select(now.upper.y, b.upper.y, lane >= 7u), (lane + 7u) % 8u),
            subgroupShuffle(select(now.upper.z, b.upper.z, lane >= 6u), (lane + 6u) % 8u),
            subgroupShuffle(select(now.upper.w, b.upper.w, lane >= 5u), (lane + 5u) % 8u),
        ),
        vec4<f32>(
            subgroupShuffle(select(now.lower.x, b.lower.x, lane >= 4u), (lane + 4u) % 8u),
            subgroupShuffle(select(now.lower.y, b.lower.y, lane >= 3u), (lane + 3u) % 8u),
            subgroupShuffle(select(now.lower.z, b.lower.z, lane >= 2u), (lane + 2u) % 8u),
            subgroupShuffle(select(now.lower.w, b.lower.w, lane >= 1u), (lane + 1u) % 8u),
        ),
    );
}

// Row s of the result is for each lane l the row at the distance of query (s + l) mod 8 and the lane's key.
fn diagonals(before: vec4<f32>, now: vec4<f32>, lane: u32) -> Eight {
    return Eight(
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
fn of_queries(x: Numbers, lane: u32) -> Numbers {
    let one = (lane & 1u) != 0u;
    let a = Numbers(
        select(x.upper, vec4<f32>(x.lower.w, x.upper.xyz), one),
        select(x.lower, vec4<f32>(x.upper.w, x.lower.xyz), one),
    );
    let two = (lane & 2u) != 0u;
    let b = Numbers(
        select(a.upper, vec4<f32>(a.lower.zw, a.upper.xy), two),
        select(a.lower, vec4<f32>(a.upper.zw, a.lower.xy), two),
    );
    let four = (lane & 4u) != 0u;
    return Numbers(select(b.upper, b.lower, four), select(b.lower, b.upper, four));
}
