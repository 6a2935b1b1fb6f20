// provides: type_at; needs: Chunk, Stored, VECTOR_WIDTH, params

@group(0) @binding(4) var<storage, read> types: array<Stored>; // [types, columns]

fn type_at(kind: u32, chunk: u32) -> Chunk { return Chunk(types[kind * (params.columns / VECTOR_WIDTH) + chunk]); }
