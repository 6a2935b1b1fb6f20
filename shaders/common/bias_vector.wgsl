// provides: bias_at; needs: Chunk

@group(0) @binding(6) var<storage, read> bias: array<Chunk>; // [columns]

fn bias_at(column: u32) -> Chunk { return bias[column]; }
