// One value a lane -> one value for all lanes of the workgroup, by a tree in workgroup memory. LANES is a power of two.

var<workgroup> scratch: array<f32, LANES>;
var<workgroup> scratch_index: array<u32, LANES>;

fn reduce_add(lane: u32, value: f32) -> f32 {
    scratch[lane] = value;
    workgroupBarrier();
    for (var stride = LANES / 2u; stride > 0u; stride /= 2u) {
        if lane < stride { scratch[lane] += scratch[lane + stride]; }
        workgroupBarrier();
    }
    let total = scratch[0];
    workgroupBarrier();
    return total;
}

fn reduce_max(lane: u32, value: f32) -> f32 {
    scratch[lane] = value;
    workgroupBarrier();
    for (var stride = LANES / 2u; stride > 0u; stride /= 2u) {
        if lane < stride { scratch[lane] = max(scratch[lane], scratch[lane + stride]); }
        workgroupBarrier();
    }
    let largest = scratch[0];
    workgroupBarrier();
    return largest;
}

fn reduce_min_index(lane: u32, value: u32) -> u32 {
    scratch_index[lane] = value;
    workgroupBarrier();
    for (var stride = LANES / 2u; stride > 0u; stride /= 2u) {
        if lane < stride { scratch_index[lane] = min(scratch_index[lane], scratch_index[lane + stride]); }
        workgroupBarrier();
    }
    let smallest = scratch_index[0];
    workgroupBarrier();
    return smallest;
}
