// provides: activate_chunk; needs: Chunk, activate

fn activate_chunk(x: Chunk) -> Chunk { return activate(x); }
