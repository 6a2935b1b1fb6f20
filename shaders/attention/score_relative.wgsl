// Adds q_i . query_table[r] where QUERY_TERM and k_j . key_table[r] where KEY_TERM, r = buckets[i - j + max_length - 1].
//
// A table's row holds head_width columns for each head, or the same ones for all heads where table_head is 0.
//
// provides: KEY_TERM, QUERY_TERM, buckets, key_table, query_table, score_bias, score_term;
// needs: Chunk, Stored, key_chunk, params, query_chunk, sum

@group(0) @binding(5) var<storage, read> query_table: array<Stored>; // [buckets, table_stride]
@group(0) @binding(6) var<storage, read> key_table: array<Stored>; // [buckets, table_stride]
@group(0) @binding(7) var<storage, read> buckets: array<u32>; // [2 max_length - 1]
override QUERY_TERM: bool;
override KEY_TERM: bool;

fn score_term(head: u32, query_row: u32, key_row: u32, i: u32, j: u32) -> f32 {
    let place = buckets[i + params.max_length - 1u - j] * params.table_stride + head * params.table_head;
    var acc = Chunk(0);
    for (var chunk = 0u; chunk < params.head_width; chunk += 1u) {
        if QUERY_TERM { acc = fma(query_chunk(query_row, head, chunk), Chunk(query_table[place + chunk]), acc); }
        if KEY_TERM { acc = fma(key_chunk(key_row, head, chunk), Chunk(key_table[place + chunk]), acc); }
    }
    return sum(acc);
}

fn score_bias(head: u32, i: u32, j: u32) -> f32 { return 0.0; }
