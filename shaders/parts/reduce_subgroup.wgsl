// One value a lane -> one value for all lanes of the workgroup, which is exactly one subgroup: no memory, no barrier.

fn reduce_add(lane: u32, value: f32) -> f32 { return subgroupAdd(value); }
fn reduce_max(lane: u32, value: f32) -> f32 { return subgroupMax(value); }
fn reduce_min_index(lane: u32, value: u32) -> u32 { return subgroupMin(value); }
