// Keys and values are read a chunk at a time.
//
// provides: key_chunk, keys, value_chunk; needs: Chunk, Stored, params

@group(0) @binding(1) var<storage, read> keys: array<Stored>; // [tokens, key_stride]: keys and values

fn key_chunk(row: u32, head: u32, chunk: u32) -> Chunk {
    return Chunk(keys[row * params.key_stride + params.first_key + head * params.head_width + chunk]);
}

fn value_chunk(row: u32, head: u32, chunk: u32) -> Chunk {
    return Chunk(keys[row * params.key_stride + params.first_value + head * params.head_width + chunk]);
}
