// The tile of flash_tile.wgsl has queries of one text and meets its keys block by block, counted from the text's first.
//
// provides: Work, blocks_of, first_key_of, is_written, key_at, output_rows, positions, query_rows, value_rows, work_of;
// needs: FOUR, KEYS, KeyAt, QueryTile, VEC4S, cu_seqlens, params, query_tile

// What the lanes of a workgroup have in common, and the vec4_index queries and keys of one.
struct Work {
    tile: QueryTile,
    head: u32,
    start: u32,
    length: u32, // of the text
    lane: u32,
    queries: u32, // which four of the tile
    keys: u32, // which four of a block; for values, which chunk of a slice
}

fn work_of(workgroup: vec3<u32>, lane: u32) -> Work {
    let tile = query_tile(workgroup.x);
    let start = cu_seqlens[tile.text];
    return Work(tile, workgroup.y, start, cu_seqlens[tile.text + 1u] - start, lane, lane % VEC4S, lane / VEC4S);
}

// First keys of the blocks: from x on to before y.
fn blocks_of(workgroup: vec3<u32>) -> vec2<u32> {
    let tile = query_tile(workgroup.x);
    let length = cu_seqlens[tile.text + 1u] - cu_seqlens[tile.text];
    let last = tile.position + tile.count - 1u;
    let first = (tile.position - min(tile.position, params.window)) / KEYS * KEYS;
    return vec2<u32>(first, min(length, last + min(params.window, length) + 1u));
}

// A tile that is not full repeats its last query.
fn in_tile(work: Work, vec4_index: u32) -> vec4<u32> {
    return min(vec4<u32>(4u * vec4_index) + FOUR, vec4<u32>(work.tile.count - 1u));
}

// Positions of the lane's queries in their text.
fn positions(work: Work) -> vec4<u32> { return vec4<u32>(work.tile.position) + in_tile(work, work.queries); }

// Rows of these four in the matrix of queries, and of the lane's own in that of the outputs.
fn query_rows(work: Work, vec4_index: u32) -> vec4<u32> { return vec4<u32>(work.tile.row) + in_tile(work, vec4_index); }
fn output_rows(work: Work) -> vec4<u32> { return query_rows(work, work.queries); }
fn is_written(work: Work, query: u32) -> bool { return 4u * work.queries + query < work.tile.count; }

fn key_at(work: Work, block: u32, row: u32) -> KeyAt {
    return KeyAt(work.start + min(block + row, work.length - 1u), block + row < work.length);
}

// The position of the lane's first key, and the rows of a block whose values its queries get: from x on to before y.
fn first_key_of(work: Work, block: u32) -> u32 { return block + 4u * work.keys; }
fn value_rows(work: Work, block: u32) -> vec2<u32> { return vec2<u32>(0u, min(KEYS, work.length - block)); }
