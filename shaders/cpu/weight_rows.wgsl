// The weight lies row after row.

fn weight_place(k: u32, column: u32) -> u32 { return k * params.weight_columns + column; }
