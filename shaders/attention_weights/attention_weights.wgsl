// attention_weights: output[i, head, j] = softmax_j(scale * (q_i . k_j + score_term(i, j)) + score_bias(i, j)), for who asks for attentions
//
// One workgroup a query and head. Columns from the text's length on are left alone; nobody reads them.
//
// provides: LANES, compute;
// needs: Chunk, LOWEST, Lane, batch, cu_seqlens, exponential, fold, key_chunk, params, query_chunk, reduce_add, reduce_max,
//   score_bias, score_term, sum, visible

@group(0) @binding(2) var<storage, read_write> output: array<f32>; // [tokens, heads, LONGEST]

@group(0) @binding(4) var<storage, read> tokens: array<vec4<u32>>; // [tokens] of (id, type, position, text)

override LANES: u32;
override LONGEST: u32;

fn score(head: u32, row: u32, start: u32, i: u32, j: u32) -> f32 {
    var products = Chunk(0);
    for (var c = 0u; c < params.head_width; c += 1u) {
        products = fma(query_chunk(row, head, c), key_chunk(start + j, head, c), products);
    }
    let term = score_term(head, row, start + j, i, j);
    return fma(params.scale, sum(products) + term, score_bias(head, i, j));
}

fn compute(workgroup: vec3<u32>, grid: vec3<u32>, lane: Lane) {
    let index = fold(workgroup, grid);
    let row = index / params.heads;
    let head = index % params.heads;
    if row >= batch.tokens { return; }
    let token = tokens[row];
    let start = cu_seqlens[token.w];
    let i = row - start;
    let length = cu_seqlens[token.w + 1u] - start;
    let place = index * LONGEST;

    var row_max = LOWEST;
    for (var j = lane.index; j < length; j += LANES) {
        var value = LOWEST;
        if visible(i, j) { value = score(head, row, start, i, j); }
        output[place + j] = value;
        row_max = max(row_max, value);
    }
    row_max = reduce_max(lane, row_max);
    var row_sum = 0.0;
    for (var j = lane.index; j < length; j += LANES) {
        let p = select(0.0, exponential(output[place + j] - row_max), visible(i, j));
        output[place + j] = p;
        row_sum += p;
    }
    row_sum = reduce_add(lane, row_sum);
    for (var j = lane.index; j < length; j += LANES) { output[place + j] /= row_sum; }
}
