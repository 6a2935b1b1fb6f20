// Where a head's queries, keys and values lie. Positions and widths are counted in chunks. Keys and values share their rows,
// which another file reads.
//
// provides: QueryTile, cu_seqlens, params, queries, query_chunk, visible; needs: Chunk, Stored

struct Params {
    heads: u32,
    head_width: u32,
    query_stride: u32,
    key_stride: u32,
    first_key: u32,
    first_value: u32,
    window: u32,
    max_length: u32,
    table_stride: u32,
    table_head: u32,
    scale: f32,
}
@group(0) @binding(14) var<uniform> params: Params;
@group(0) @binding(0) var<storage, read> queries: array<Stored>; // [query rows, query_stride]
@group(0) @binding(3) var<storage, read> cu_seqlens: array<u32>; // [texts + 1]

fn query_chunk(row: u32, head: u32, chunk: u32) -> Chunk {
    return Chunk(queries[row * params.query_stride + head * params.head_width + chunk]);
}

// Some queries of one text: rows `row ..` of the query matrix are its positions `position .. position + count`.
struct QueryTile { text: u32, position: u32, count: u32, row: u32 }

// Whether the query at position i may look at the key at position j.
fn visible(i: u32, j: u32) -> bool {
    return max(i, j) - min(i, j) <= params.window;
}
