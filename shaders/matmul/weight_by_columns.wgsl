// The weight lies column after column, as a checkpoint's nn.Linear has it: k are beside each other, and four of them are loaded
// at once.
//
// provides: NEXT_COLUMN, NEXT_K, weight_place; needs: params

const NEXT_K: u32 = 1u;
const NEXT_COLUMN: u32 = 0u;

fn weight_place(k: u32, column: u32) -> u32 { return (params.first + column) * params.inner + k; }
