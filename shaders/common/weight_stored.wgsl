// A large weight is stored as activations are.
//
// provides: Weight, unpack, weight_index; needs: Stored

alias Weight = Stored;

fn weight_index(chunk: u32) -> u32 { return chunk; }
fn unpack(weight: Weight, chunk: u32) -> Stored { return weight; }
