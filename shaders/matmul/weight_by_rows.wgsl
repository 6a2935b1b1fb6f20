// The weight lies row after row: columns are beside each other, and four of them are loaded at once.
//
// provides: NEXT_COLUMN, NEXT_K, weight_place; needs: params

const NEXT_K: u32 = 0u;
const NEXT_COLUMN: u32 = 1u;

fn weight_place(k: u32, column: u32) -> u32 { return k * params.weight_columns + params.first + column; }
