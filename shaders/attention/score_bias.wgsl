// Adds query_table[buckets[i - j + max_length - 1]][head] to the scaled score.
//
// provides: score_bias, score_term; needs: Element, params

@group(0) @binding(5) var<storage, read> query_table: array<Element>; // [buckets, heads]
@group(0) @binding(7) var<storage, read> buckets: array<u32>; // [2 max_length - 1]

fn score_term(head: u32, query_row: u32, key_row: u32, i: u32, j: u32) -> f32 { return 0.0; }

fn score_bias(head: u32, i: u32, j: u32) -> f32 {
    return f32(query_table[buckets[i + params.max_length - 1u - j] * params.heads + head]);
}
