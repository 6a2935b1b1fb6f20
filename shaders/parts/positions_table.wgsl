@group(0) @binding(3) var<storage, read> positions: array<Element>; // [positions, columns]

fn position_at(position: u32, column: u32) -> f32 { return f32(positions[position * params.columns + column]); }
