// The weight is stored row after row.
//
// provides: weight_place; needs: params

fn weight_place(k: u32, column: u32) -> u32 { return k * params.weight_columns + column; }
