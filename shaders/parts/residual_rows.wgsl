@group(0) @binding(7) var<storage, read> residual: array<Element>; // [rows, columns], as the output

fn residual_at(index: u32) -> f32 { return f32(residual[index]); }
