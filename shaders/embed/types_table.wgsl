@group(0) @binding(4) var<storage, read> types: array<Stored>; // [types, columns]

fn type_at(kind: u32, chunk: u32) -> Chunk { return Chunk(types[kind * (params.columns / WIDTH) + chunk]); }
