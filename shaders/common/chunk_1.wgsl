// Rows are read and written one element at a time: any width.
alias Stored = Element;
alias Chunk = f32;
const WIDTH: u32 = 1u;

fn sum(chunk: Chunk) -> f32 { return chunk; }
fn element(chunk: Chunk, i: u32) -> f32 { return chunk; }
fn chunk_of(a: f32, b: f32, c: f32, d: f32) -> Chunk { return a; }
