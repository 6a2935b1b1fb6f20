// The adapter's subgroups have several sizes: how many a workgroup has, the driver decides.
//
// provides: count_subgroups; needs: same

var<workgroup> subgroup_count: u32; // what is loaded from here is uniform

fn count_subgroups(lane: u32, all: u32) -> u32 {
    if lane == 0u { subgroup_count = all; }
    return same(workgroupUniformLoad(&subgroup_count));
}
