// A matrix product is written as f32 whatever is stored, as logits are.
//
// provides: Written; needs: Chunk

alias Written = Chunk;
