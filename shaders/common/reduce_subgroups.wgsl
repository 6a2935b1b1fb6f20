// One value a lane -> one value for all lanes of the workgroup: one a subgroup through workgroup memory, added up in the
// subgroups' order. For workgroups of several subgroups, and where a subgroup's size is only known when it runs.
//
// provides: Lane, reduce_add, reduce_max, reduce_min_index, reduce_rows; needs: LANES, compute

struct Lane { index: u32, within: u32, subgroup: u32, subgroups: u32 }

// The builtins are arguments of their own: in a struct naga 30 forgets those of subgroups for DX12.
@compute @workgroup_size(LANES)
fn reduce_rows(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) grid: vec3<u32>,
    @builtin(local_invocation_index) index: u32,
    @builtin(subgroup_invocation_id) within: u32,
    @builtin(subgroup_id) subgroup: u32,
    @builtin(num_subgroups) subgroups: u32,
) {
    compute(workgroup, grid, Lane(index, within, subgroup, subgroups));
}

var<workgroup> scratch: array<f32, LANES>; // of each subgroup
var<workgroup> scratch_index: array<u32, LANES>;

fn reduce_add(lane: Lane, value: f32) -> f32 {
    let own = subgroupAdd(value);
    if lane.within == 0u { scratch[lane.subgroup] = own; }
    workgroupBarrier();
    var total = scratch[0];
    for (var subgroup = 1u; subgroup < lane.subgroups; subgroup += 1u) { total += scratch[subgroup]; }
    workgroupBarrier();
    return total;
}

fn reduce_max(lane: Lane, value: f32) -> f32 {
    let own = subgroupMax(value);
    if lane.within == 0u { scratch[lane.subgroup] = own; }
    workgroupBarrier();
    var largest = scratch[0];
    for (var subgroup = 1u; subgroup < lane.subgroups; subgroup += 1u) { largest = max(largest, scratch[subgroup]); }
    workgroupBarrier();
    return largest;
}

fn reduce_min_index(lane: Lane, value: u32) -> u32 {
    let own = subgroupMin(value);
    if lane.within == 0u { scratch_index[lane.subgroup] = own; }
    workgroupBarrier();
    var smallest = scratch_index[0];
    for (var subgroup = 1u; subgroup < lane.subgroups; subgroup += 1u) { smallest = min(smallest, scratch_index[subgroup]); }
    workgroupBarrier();
    return smallest;
}
