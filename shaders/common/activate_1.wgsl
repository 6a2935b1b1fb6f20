fn activate_chunk(x: Chunk) -> Chunk { return activate(x); }
