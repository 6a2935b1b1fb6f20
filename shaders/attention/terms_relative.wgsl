// Adds q_i . query_table[r] where QUERY_TERM and k_j . key_table[r] where KEY_TERM to a block of flash_tile.wgsl, slice by
// slice. Its queries and keys have 63 distances, whose rows pass through workgroup memory; a lane's have seven of them.
//
// provides: add_terms;
// needs: Chunk, KEYS, KEY_TERM, LANES, QUERY_TERM, SLICE, Scores, VEC4S, VECTOR_WIDTH, Work, buckets, element, key_lds,
//   key_table, params, query_lds, query_table

const DISTANCES: u32 = 64u; // a power of two
var<workgroup> table: array<Chunk, DISTANCES * SLICE>; // [DISTANCES, SLICE], the chunks of a row permuted

// Rows four apart, which lanes read at once, would all start in the same bank.
fn table_place(distance: u32, chunk: u32) -> u32 {
    return distance * SLICE + (chunk ^ (distance / 4u % SLICE));
}

// Where the row of a distance lies in the tables. A distance that no pair of the text has gets another's row.
fn table_row(work: Work, block: u32, distance: u32) -> u32 {
    let place = i32(work.tile.position + params.max_length - 1u + distance) - i32(block + KEYS - 1u);
    let bucket = buckets[clamp(place, 0, 2 * i32(params.max_length) - 2)];
    return bucket * params.table_stride + work.head * params.table_head;
}

struct Seven { r0: Chunk, r1: Chunk, r2: Chunk, r3: Chunk, r4: Chunk, r5: Chunk, r6: Chunk }

// Rows of the lane's distances, from its first query to its last key on.
fn own_rows(work: Work, chunk: u32) -> Seven {
    let first = KEYS - 4u + 4u * work.queries - 4u * work.keys;
    return Seven(
        table[table_place(first, chunk)],
        table[table_place(first + 1u, chunk)],
        table[table_place(first + 2u, chunk)],
        table[table_place(first + 3u, chunk)],
        table[table_place(first + 4u, chunk)],
        table[table_place(first + 5u, chunk)],
        table[table_place(first + 6u, chunk)],
    );
}

// The element of the rows between four queries and one key: the last key's first.
struct Between { k0: vec4<f32>, k1: vec4<f32>, k2: vec4<f32>, k3: vec4<f32> }

fn between(rows: Seven, e: u32) -> Between {
    let r2 = element(rows.r2, e);
    let r3 = element(rows.r3, e);
    let r4 = element(rows.r4, e);
    let low = vec4<f32>(element(rows.r0, e), element(rows.r1, e), r2, r3);
    let high = vec4<f32>(r3, r4, element(rows.r5, e), element(rows.r6, e));
    return Between(high, vec4<f32>(r2, high.xyz), vec4<f32>(low.yzw, r4), low);
}

fn add_query_terms(work: Work, chunks: u32, scores: ptr<function, Scores>) {
    for (var c = 0u; c < chunks; c += 1u) {
        let own = own_rows(work, c);
        for (var e = 0u; e < VECTOR_WIDTH; e += 1u) {
            let q = query_lds[(c * VECTOR_WIDTH + e) * VEC4S + work.queries];
            let r = between(own, e);
            (*scores).k0 = fma(q, r.k0, (*scores).k0);
            (*scores).k1 = fma(q, r.k1, (*scores).k1);
            (*scores).k2 = fma(q, r.k2, (*scores).k2);
            (*scores).k3 = fma(q, r.k3, (*scores).k3);
        }
    }
}

fn add_key_terms(work: Work, chunks: u32, scores: ptr<function, Scores>) {
    for (var c = 0u; c < chunks; c += 1u) {
        let own = own_rows(work, c);
        let k0 = key_lds[4u * work.keys * SLICE + c];
        let k1 = key_lds[(4u * work.keys + 1u) * SLICE + c];
        let k2 = key_lds[(4u * work.keys + 2u) * SLICE + c];
        let k3 = key_lds[(4u * work.keys + 3u) * SLICE + c];
        for (var e = 0u; e < VECTOR_WIDTH; e += 1u) {
            let r = between(own, e);
            (*scores).k0 = fma(vec4<f32>(element(k0, e)), r.k0, (*scores).k0);
            (*scores).k1 = fma(vec4<f32>(element(k1, e)), r.k1, (*scores).k1);
            (*scores).k2 = fma(vec4<f32>(element(k2, e)), r.k2, (*scores).k2);
            (*scores).k3 = fma(vec4<f32>(element(k3, e)), r.k3, (*scores).k3);
        }
    }
}

fn add_terms(work: Work, block: u32, slice: u32, chunks: u32, scores: ptr<function, Scores>) {
    let chunk = work.lane % SLICE;
    let inside = chunk < chunks;
    if QUERY_TERM {
        for (var distance = work.lane / SLICE; distance < DISTANCES; distance += LANES / SLICE) {
            let place = table_row(work, block, distance) + slice * SLICE + chunk;
            if inside { table[table_place(distance, chunk)] = Chunk(query_table[place]); }
        }
        workgroupBarrier();
        add_query_terms(work, chunks, scores);
    }
    if QUERY_TERM && KEY_TERM { workgroupBarrier(); }
    if KEY_TERM {
        for (var distance = work.lane / SLICE; distance < DISTANCES; distance += LANES / SLICE) {
            let place = table_row(work, block, distance) + slice * SLICE + chunk;
            if inside { table[table_place(distance, chunk)] = Chunk(key_table[place]); }
        }
        workgroupBarrier();
        add_key_terms(work, chunks, scores);
    }
}
