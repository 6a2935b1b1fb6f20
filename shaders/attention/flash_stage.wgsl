// Queries, keys and values pass through workgroup memory, eight chunks of 32 of them at a time. A lane multiplies 4 queries
// and 4 keys.
//
// provides: FOUR, KEYS, KeyAt, SLICE, Scores, VEC4S, add_products, key_lds, query_lds, stage_queries, stage_rows;
// needs: Chunk, LANES, VECTOR_WIDTH, Work, element, key_at, keys, params, query_chunk, query_rows

const KEYS: u32 = 32u; // a block; a workgroup has as many queries
const VEC4S: u32 = KEYS / 4u; // lanes have them four by four
const SLICE: u32 = 8u; // chunks of a head in workgroup memory at once

// Four queries lie side by side: a slice of q column by column, then the block's p key by key.
var<workgroup> query_lds: array<vec4<f32>, KEYS * VEC4S>; // [SLICE * VECTOR_WIDTH or KEYS, VEC4S]
var<workgroup> key_lds: array<Chunk, KEYS * SLICE>; // [KEYS, SLICE]: a slice of k, then of v

// Four keys of vec4_index queries, whose numbers are the components.
struct Scores { k0: vec4<f32>, k1: vec4<f32>, k2: vec4<f32>, k3: vec4<f32> }

// The row of keys and values that a row of a block is, and whether the text goes so far.
struct KeyAt { row: u32, there: bool }

const FOUR = vec4<u32>(0u, 1u, 2u, 3u);

fn stage_queries(work: Work, slice: u32) {
    let vec4_index = work.lane % VEC4S;
    let chunk = slice * SLICE + work.lane / VEC4S;
    if chunk >= params.head_width { return; }
    let row = query_rows(work, vec4_index);
    let q0 = query_chunk(row.x, work.head, chunk);
    let q1 = query_chunk(row.y, work.head, chunk);
    let q2 = query_chunk(row.z, work.head, chunk);
    let q3 = query_chunk(row.w, work.head, chunk);
    // @unroll
    for (var e = 0u; e < VECTOR_WIDTH; e += 1u) {
        let column = work.lane / VEC4S * VECTOR_WIDTH + e;
        query_lds[column * VEC4S + vec4_index] = vec4<f32>(element(q0, e), element(q1, e), element(q2, e), element(q3, e));
    }
}

// Keys or values, which start at column `first`; zero beyond the text.
fn stage_rows(work: Work, first: u32, block: u32, slice: u32) {
    let chunk = slice * SLICE + work.lane % SLICE;
    let column = first + work.head * params.head_width + min(chunk, params.head_width - 1u);
    // @unroll
    for (var i = 0u; i < KEYS * SLICE / LANES; i += 1u) {
        let row = i * (LANES / SLICE) + work.lane / SLICE;
        // Nothing is asked before a load, which would then be waited for.
        let key = key_at(work, block, row);
        let near = Chunk(keys[key.row * params.key_stride + column]);
        key_lds[row * SLICE + work.lane % SLICE] = select(Chunk(0), near, key.there && chunk < params.head_width);
    }
}

fn add_products(work: Work, chunks: u32, scores: ptr<function, Scores>) {
    for (var c = 0u; c < chunks; c += 1u) {
        let k0 = key_lds[4u * work.keys * SLICE + c];
        let k1 = key_lds[(4u * work.keys + 1u) * SLICE + c];
        let k2 = key_lds[(4u * work.keys + 2u) * SLICE + c];
        let k3 = key_lds[(4u * work.keys + 3u) * SLICE + c];
        // @unroll
        for (var e = 0u; e < VECTOR_WIDTH; e += 1u) {
            let q = query_lds[(c * VECTOR_WIDTH + e) * VEC4S + work.queries];
            (*scores).k0 = fma(q, vec4<f32>(element(k0, e)), (*scores).k0);
            (*scores).k1 = fma(q, vec4<f32>(element(k1, e)), (*scores).k1);
            (*scores).k2 = fma(q, vec4<f32>(element(k2, e)), (*scores).k2);
            (*scores).k3 = fma(q, vec4<f32>(element(k3, e)), (*scores).k3);
        }
    }
}
