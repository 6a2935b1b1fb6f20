// attention: output[i] = sum_j softmax_j(scale * (q_i . k_j + score_term(i, j)) + score_bias(i, j)) v_j, head by head, within one text
//
// The linked part is the entry point. It streams the keys with a running maximum and sum (Milakov & Gimelshein 2018,
// Rabe & Staats 2021). What a query gets must not depend on the queries beside it.

@group(0) @binding(2) var<storage, read_write> output: array<Stored>; // [query rows, heads * head_width]

override QUERIES: u32;
