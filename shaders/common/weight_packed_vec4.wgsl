// A large weight is stored in f16 for shaders without f16: two words have a chunk of four.
//
// provides: Weight, unpack, weight_index; needs: Stored

alias Weight = vec2<u32>;

fn weight_index(chunk: u32) -> u32 { return chunk; }
fn unpack(weight: Weight, chunk: u32) -> Stored { return Stored(unpack2x16float(weight.x), unpack2x16float(weight.y)); }
