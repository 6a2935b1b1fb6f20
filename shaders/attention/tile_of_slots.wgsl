// The tile of flash_tile.wgsl has short texts in slots of four rows; their keys, all at once, are among its rows.
//
// provides: Work, blocks_of, first_key_of, is_written, key_at, output_rows, positions, query_rows, value_rows, work_of;
// needs: FOUR, KeyAt, SLOTS, SLOT_ROWS, Slot, VEC4S, position_in, slot_lds, slot_of

const_assert SLOT_ROWS == 4u && SLOTS == VEC4S;

// What a lane has to do: its four queries are a slot, and its four keys are another or the same.
struct Work {
    own: Slot, // of the queries
    head: u32,
    length: u32, // of the text
    lane: u32,
    queries: u32,
    keys: u32, // for values, which chunk of a slice
}

fn work_of(workgroup: vec3<u32>, lane: u32) -> Work {
    if lane < SLOTS { slot_lds[lane] = slot_of(workgroup.x, lane); }
    workgroupBarrier();
    let own = slot_lds[lane % VEC4S];
    return Work(own, workgroup.y, own.length, lane, lane % VEC4S, lane / VEC4S);
}

// Rows beyond the text repeat its last.
fn positions_in(slot: Slot) -> vec4<u32> {
    return min(vec4<u32>(slot.position) + FOUR, vec4<u32>(slot.length - 1u));
}

fn positions(work: Work) -> vec4<u32> { return positions_in(work.own); }

fn query_rows(work: Work, vec4_index: u32) -> vec4<u32> {
    let slot = slot_lds[vec4_index];
    return vec4<u32>(slot.start) + positions_in(slot);
}

fn output_rows(work: Work) -> vec4<u32> { return query_rows(work, work.queries); }
fn is_written(work: Work, query: u32) -> bool { return work.own.position + query < work.length; }

// All keys are one block.
fn blocks_of(workgroup: vec3<u32>) -> vec2<u32> { return vec2<u32>(0u, 1u); }

fn key_at(work: Work, block: u32, row: u32) -> KeyAt {
    let slot = slot_lds[row / SLOT_ROWS];
    return KeyAt(slot.start + position_in(slot, row), slot.position + row % SLOT_ROWS < slot.length);
}

// The position of the lane's first key in the text of its queries: far beyond that where the key is another text's.
fn first_key_of(work: Work, block: u32) -> u32 { return (work.keys - work.own.first) * SLOT_ROWS; }

fn value_rows(work: Work, block: u32) -> vec2<u32> {
    return vec2<u32>(0u, work.length) + work.own.first * SLOT_ROWS;
}
