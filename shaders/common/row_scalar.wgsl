// A chunk of a row is one element: rows of any width are read and written so.
//
// provides: Chunk, Stored, VECTOR_WIDTH, element, sum; needs: Element

alias Stored = Element;
alias Chunk = f32;
const VECTOR_WIDTH: u32 = 1u;

fn sum(chunk: Chunk) -> f32 { return chunk; }
fn element(chunk: Chunk, i: u32) -> f32 { return chunk; }
fn chunk_of(a: f32, b: f32, c: f32, d: f32) -> Chunk { return a; }
