// attention: output[i] = sum_j softmax_j(scale * (q_i . k_j + score_term(i, j)) + score_bias(i, j)) v_j, head by head, within one text
//
// The entry point is a flash_*.wgsl: it streams the keys, and keeps of each query the largest score so far (row_max), the sum
// of p = exp(score - row_max) (row_sum) and that of p v (acc), which a larger row_max rescales: the online softmax (Milakov &
// Gimelshein 2018, Rabe & Staats 2021). Short texts may have a shader of their own, which has all their keys at once: short_*.wgsl on tensor
// cores, flash_tile.wgsl with tile_of_slots.wgsl elsewhere. What a query gets must not depend on the queries beside it.
//
// provides: output; needs: Stored

@group(0) @binding(2) var<storage, read_write> output: array<Stored>; // [query rows, heads * head_width]
