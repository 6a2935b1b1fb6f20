// The weight lies column after column, as a checkpoint's nn.Linear has it: k are beside each other, and some of them are loaded
// at once.
//
// provides: NEXT_COLUMN, NEXT_K, weight_packet, weight_place; needs: PACKET, near, params

const NEXT_K: u32 = 1u;
const NEXT_COLUMN: u32 = 0u;

fn weight_place(k: u32, column: u32) -> u32 { return (params.first + column) * params.inner + k; }

// Where a load of PACKET k begins, counted in those.
fn weight_packet(k: u32, ahead: u32, column: u32) -> u32 {
    return (params.first + min(column, params.columns - 1u)) * (params.inner / PACKET) + near(k, ahead, PACKET);
}
