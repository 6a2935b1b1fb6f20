// The weight lies row after row: columns are beside each other, and some of them are loaded at once.
//
// provides: NEXT_COLUMN, NEXT_K, weight_packet, weight_place; needs: PACKET, near, params

const NEXT_K: u32 = 0u;
const NEXT_COLUMN: u32 = 1u;

fn weight_place(k: u32, column: u32) -> u32 { return k * params.weight_columns + params.first + column; }

// Where a load of PACKET columns begins, counted in those.
fn weight_packet(k: u32, ahead: u32, column: u32) -> u32 {
    let across = (params.first + min(column, params.columns - PACKET)) / PACKET;
    return near(k, ahead, 1u) * (params.weight_columns / PACKET) + across;
}
