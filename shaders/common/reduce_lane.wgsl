// A lane has a row for itself, of the LANES rows of its workgroup: for rows too short to be shared.
//
// provides: Lane, first_column, next_column, own_row, reduce_add, reduce_max, reduce_min_index, reduce_rows;
// needs: LANES, compute

struct Lane { index: u32 }

@compute @workgroup_size(LANES)
fn reduce_rows(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) grid: vec3<u32>,
    @builtin(local_invocation_index) index: u32,
) {
    compute(workgroup, grid, Lane(index));
}

fn reduce_add(lane: Lane, value: f32) -> f32 { return value; }
fn reduce_max(lane: Lane, value: f32) -> f32 { return value; }
fn reduce_min_index(lane: Lane, value: u32) -> u32 { return value; }

fn own_row(place: u32, lane: Lane) -> u32 { return place * LANES + lane.index; }
fn first_column(lane: Lane) -> u32 { return 0u; }
fn next_column(column: u32) -> u32 { return column + 1u; }
