// Rows are read and written one element at a time: any width.
alias Stored = Element;
alias Chunk = f32;
const WIDTH: u32 = 1u;

fn sum(chunk: Chunk) -> f32 { return chunk; }
