@group(0) @binding(6) var<storage, read> bias: array<Element>; // [columns]

fn bias_at(column: u32) -> f32 { return f32(bias[column]); }
