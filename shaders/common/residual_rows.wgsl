// provides: residual_at; needs: Chunk, Stored

@group(0) @binding(7) var<storage, read> residual: array<Stored>; // [rows, columns], as the output

fn residual_at(index: u32) -> Chunk { return Chunk(residual[index]); }
