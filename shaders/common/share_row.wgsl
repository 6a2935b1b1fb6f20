// The lanes of a workgroup take the columns of its row in turns.
//
// provides: first_column, next_column, own_row; needs: LANES, Lane

fn own_row(place: u32, lane: Lane) -> u32 { return place; }
fn first_column(lane: Lane) -> u32 { return lane.index; }
fn next_column(column: u32) -> u32 { return column + LANES; }
