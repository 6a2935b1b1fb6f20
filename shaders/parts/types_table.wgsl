@group(0) @binding(4) var<storage, read> types: array<Element>; // [types, columns]

fn type_at(kind: u32, column: u32) -> f32 { return f32(types[kind * params.columns + column]); }
