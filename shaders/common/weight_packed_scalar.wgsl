// A large weight is stored in f16 for shaders without f16: a word has two elements, which may be of two rows.
//
// provides: Weight, unpack, weight_index; needs: Stored

alias Weight = u32;

fn weight_index(chunk: u32) -> u32 { return chunk / 2u; }
fn unpack(weight: Weight, chunk: u32) -> Stored {
    let both = unpack2x16float(weight);
    return select(both.x, both.y, chunk % 2u == 1u);
}
