// Queries, keys and values pass through workgroup memory, eight chunks of 32 of them at a time; a lane multiplies 4 queries
// and 4 keys.

const KEYS: u32 = 32u; // a block; a workgroup has as many queries
const FOURS: u32 = 8u; // lanes have them four by four
const SLICE: u32 = 8u; // chunks of a head in workgroup memory at once

// Four queries side by side: a slice of q column by column, then the block's weights key by key.
var<workgroup> across: array<vec4<f32>, KEYS * FOURS>; // [SLICE * WIDTH or KEYS, FOURS]
var<workgroup> rows: array<Chunk, KEYS * SLICE>; // [KEYS, SLICE]: a slice of k, then of v

// Four keys of four queries, whose numbers are the components.
struct Scores { k0: vec4<f32>, k1: vec4<f32>, k2: vec4<f32>, k3: vec4<f32> }

// What the lanes of a workgroup have in common, and the four queries and keys of one.
struct Work {
    tile: QueryTile,
    head: u32,
    start: u32,
    length: u32,
    lane: u32,
    queries: u32, // which four of the tile
    keys: u32, // which four of a block; for values, which chunk of a slice
}

// A tile that is not full repeats its last query.
fn own_queries(work: Work, four: u32) -> vec4<u32> {
    return min(vec4<u32>(4u * four) + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(work.tile.count - 1u));
}

fn stage_queries(work: Work, slice: u32) {
    let four = work.lane % FOURS;
    let chunk = slice * SLICE + work.lane / FOURS;
    if chunk >= params.head_width { return; }
    let row = vec4<u32>(work.tile.row) + own_queries(work, four);
    let q0 = query_chunk(row.x, work.head, chunk);
    let q1 = query_chunk(row.y, work.head, chunk);
    let q2 = query_chunk(row.z, work.head, chunk);
    let q3 = query_chunk(row.w, work.head, chunk);
    for (var e = 0u; e < WIDTH; e += 1u) {
        let column = work.lane / FOURS * WIDTH + e;
        across[column * FOURS + four] = vec4<f32>(element(q0, e), element(q1, e), element(q2, e), element(q3, e));
    }
}

// Keys or values, which start at column `first`; zero beyond the text.
fn stage_rows(work: Work, first: u32, block: u32, slice: u32) {
    let chunk = slice * SLICE + work.lane % SLICE;
    for (var row = work.lane / SLICE; row < KEYS; row += LANES / SLICE) {
        var staged = Chunk();
        if block + row < work.length && chunk < params.head_width {
            let key_row = work.start + block + row;
            staged = Chunk(keys[key_row * params.key_stride + first + work.head * params.head_width + chunk]);
        }
        rows[row * SLICE + work.lane % SLICE] = staged;
    }
}

fn add_products(work: Work, chunks: u32, scores: ptr<function, Scores>) {
    for (var c = 0u; c < chunks; c += 1u) {
        let k0 = rows[4u * work.keys * SLICE + c];
        let k1 = rows[(4u * work.keys + 1u) * SLICE + c];
        let k2 = rows[(4u * work.keys + 2u) * SLICE + c];
        let k3 = rows[(4u * work.keys + 3u) * SLICE + c];
        for (var e = 0u; e < WIDTH; e += 1u) {
            let q = across[(c * WIDTH + e) * FOURS + work.queries];
            (*scores).k0 = fma(q, vec4<f32>(element(k0, e)), (*scores).k0);
            (*scores).k1 = fma(q, vec4<f32>(element(k1, e)), (*scores).k1);
            (*scores).k2 = fma(q, vec4<f32>(element(k2, e)), (*scores).k2);
            (*scores).k3 = fma(q, vec4<f32>(element(k3, e)), (*scores).k3);
        }
    }
}
