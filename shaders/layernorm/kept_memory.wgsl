// A row of any length is read from storage each time.

fn steps(chunks: u32) -> u32 { return (chunks + LANES - 1u) / LANES; }
fn first_value(step: u32, index: u32) -> Chunk { return value_at(index); }
fn value(step: u32, index: u32) -> Chunk { return value_at(index); }
