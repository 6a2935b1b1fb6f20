// How a matrix product is written: as f32 whatever is stored, which logits are.
alias Written = Chunk;
