// Only the first token of each text is a query, and the query matrix has one row a text. Each text has a tile.
//
// provides: query_row, slot_place, slots_hold, wanted; needs: SHARED_ROWS, SLOT_ROWS, cu_seqlens

fn slot_place(index: u32, slot: u32) -> vec2<u32> { return vec2<u32>(index, slot * SLOT_ROWS); }

fn slots_hold(index: u32) -> bool { return cu_seqlens[index + 1u] - cu_seqlens[index] <= SHARED_ROWS; }

fn wanted(position: u32) -> bool { return position == 0u; }
fn query_row(text: u32, start: u32, position: u32) -> u32 { return text; }
