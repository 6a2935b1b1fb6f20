// Every subgroup of the adapter has the same size.
//
// provides: count_subgroups; needs: SUBGROUPS

fn count_subgroups(lane: u32, all: u32) -> u32 { return SUBGROUPS; }
