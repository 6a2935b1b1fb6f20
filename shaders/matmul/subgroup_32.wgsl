// Lanes of the largest subgroup that the adapter may make; there are more subgroups than SUBGROUPS where it makes smaller.
const SUBGROUP_LANES: u32 = 32u;
