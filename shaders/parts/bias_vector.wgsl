@group(0) @binding(6) var<storage, read> bias: array<Stored>; // [columns]

fn bias_at(column: u32) -> Chunk { return Chunk(bias[column]); }
