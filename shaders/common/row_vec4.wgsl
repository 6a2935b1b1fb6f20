// A chunk of a row is four elements, read and written at once: all widths and offsets are divisible by four.
//
// provides: Chunk, Stored, VECTOR_WIDTH, element, sum; needs: Element

alias Stored = vec4<Element>;
alias Chunk = vec4<f32>;
const VECTOR_WIDTH: u32 = 4u;

fn sum(chunk: Chunk) -> f32 { return (chunk.x + chunk.y) + (chunk.z + chunk.w); }
fn element(chunk: Chunk, i: u32) -> f32 { return chunk[i]; }
fn chunk_of(a: f32, b: f32, c: f32, d: f32) -> Chunk { return Chunk(a, b, c, d); }
