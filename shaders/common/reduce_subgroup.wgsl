// One value a lane -> one value for all lanes of the workgroup, which is exactly one subgroup: no memory, no barrier.
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

fn reduce_add(lane: Lane, value: f32) -> f32 { return subgroupAdd(value); }
fn reduce_max(lane: Lane, value: f32) -> f32 { return subgroupMax(value); }
fn reduce_min_index(lane: Lane, value: u32) -> u32 { return subgroupMin(value); }
