// Short texts share a tile: each has as many of its SLOTS slots, of SLOT_ROWS rows, as it needs, one after the other. So no two texts meet in
// a slot, and what a text gets does not depend on the slots that it has.
//
// A slot that no text needs continues the one before: no position in it is one of the text.
//
// provides: SHARED_ROWS, Slot, position_in, slot_lds, slot_of; needs: SLOTS, SLOT_ROWS, cu_seqlens, slot_place

const SHARED_ROWS: u32 = SLOTS * SLOT_ROWS; // of a tile; no text is longer

// The text, the position of the slot's first row, the text's first row among all keys, its length, and its first slot.
struct Slot { text: u32, position: u32, start: u32, length: u32, first: u32 }
var<workgroup> slot_lds: array<Slot, SLOTS>;

fn slot_of(index: u32, slot: u32) -> Slot {
    let place = slot_place(index, slot);
    let start = cu_seqlens[place.x];
    return Slot(place.x, place.y, start, cu_seqlens[place.x + 1u] - start, slot - place.y / SLOT_ROWS);
}

// The position of a row of the tile, whose slot is `slot`; rows beyond the text repeat its last token.
fn position_in(slot: Slot, row: u32) -> u32 {
    return min(slot.position + row % SLOT_ROWS, slot.length - 1u);
}
