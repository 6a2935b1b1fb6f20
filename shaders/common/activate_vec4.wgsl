// provides: activate_chunk; needs: Chunk, activate

fn activate_chunk(x: Chunk) -> Chunk { return Chunk(activate(x.x), activate(x.y), activate(x.z), activate(x.w)); }
