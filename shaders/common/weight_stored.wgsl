// How a large weight is stored: as activations are.
alias Weight = Stored;

fn weight_index(chunk: u32) -> u32 { return chunk; }
fn unpacked(weight: Weight, chunk: u32) -> Stored { return weight; }
