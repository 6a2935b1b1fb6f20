// A row of up to KEPT * LANES chunks is read from storage once.

var<private> kept: array<Chunk, KEPT>;

fn steps(chunks: u32) -> u32 { return KEPT; }

fn first_value(step: u32, index: u32) -> Chunk {
    kept[step] = value_at(index);
    return kept[step];
}

fn value(step: u32, index: u32) -> Chunk { return kept[step]; }
