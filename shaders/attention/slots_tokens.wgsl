// Every token is a query; the host lists (text, first position) of each slot.
//
// provides: query_row, slot_place, slots_hold, wanted; needs: SLOTS

@group(0) @binding(4) var<storage, read> tiles: array<vec4<u32>>; // [slots] of (.., text, position)

fn slot_place(index: u32, slot: u32) -> vec2<u32> { return tiles[index * SLOTS + slot].zw; }

// Whether the texts of the tile are short.
fn slots_hold(index: u32) -> bool { return true; }

// Whether the query at this position is one, and its row.
fn wanted(position: u32) -> bool { return true; }
fn query_row(text: u32, start: u32, position: u32) -> u32 { return start + position; }
