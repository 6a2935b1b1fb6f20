// A row of any length is read from storage each time.
//
// provides: iterations, load_row, load_row_first; needs: Chunk, LANES, input_at

fn iterations(chunks: u32) -> u32 { return (chunks + LANES - 1u) / LANES; }
fn load_row_first(iteration: u32, index: u32) -> Chunk { return input_at(index); }
fn load_row(iteration: u32, index: u32) -> Chunk { return input_at(index); }
