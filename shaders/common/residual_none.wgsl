fn residual_at(index: u32) -> Chunk { return Chunk(); }
