// provides: position_at; needs: Chunk, Stored, VECTOR_WIDTH, params

@group(0) @binding(3) var<storage, read> positions: array<Stored>; // [positions, columns]

fn position_at(position: u32, chunk: u32) -> Chunk {
    return Chunk(positions[position * (params.columns / VECTOR_WIDTH) + chunk]);
}
