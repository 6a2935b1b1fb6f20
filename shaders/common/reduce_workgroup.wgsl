// One value a lane -> one value for all lanes of the workgroup, by a tree in workgroup memory. LANES is a power of two.
//
// provides: Lane, reduce_add, reduce_max, reduce_min_index, reduce_rows; needs: LANES, compute

struct Lane { index: u32 }

@compute @workgroup_size(LANES)
fn reduce_rows(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) grid: vec3<u32>,
    @builtin(local_invocation_index) index: u32,
) {
    compute(workgroup, grid, Lane(index));
}

var<workgroup> scratch: array<f32, LANES>;
var<workgroup> scratch_index: array<u32, LANES>;

fn reduce_add(lane: Lane, value: f32) -> f32 {
    scratch[lane.index] = value;
    workgroupBarrier();
    for (var stride = LANES / 2u; stride > 0u; stride /= 2u) {
        if lane.index < stride { scratch[lane.index] += scratch[lane.index + stride]; }
        workgroupBarrier();
    }
    let total = scratch[0];
    workgroupBarrier();
    return total;
}

fn reduce_max(lane: Lane, value: f32) -> f32 {
    scratch[lane.index] = value;
    workgroupBarrier();
    for (var stride = LANES / 2u; stride > 0u; stride /= 2u) {
        if lane.index < stride { scratch[lane.index] = max(scratch[lane.index], scratch[lane.index + stride]); }
        workgroupBarrier();
    }
    let largest = scratch[0];
    workgroupBarrier();
    return largest;
}

fn reduce_min_index(lane: Lane, value: u32) -> u32 {
    scratch_index[lane.index] = value;
    workgroupBarrier();
    for (var stride = LANES / 2u; stride > 0u; stride /= 2u) {
        if lane.index < stride { scratch_index[lane.index] = min(scratch_index[lane.index], scratch_index[lane.index + stride]); }
        workgroupBarrier();
    }
    let smallest = scratch_index[0];
    workgroupBarrier();
    return smallest;
}
