// Rows are read and written four elements at a time: widths and offsets divisible by four.
alias Stored = vec4<Element>;
alias Chunk = vec4<f32>;
const WIDTH: u32 = 4u;

fn sum(chunk: Chunk) -> f32 { return (chunk.x + chunk.y) + (chunk.z + chunk.w); }
