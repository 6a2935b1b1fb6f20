// A lane owns one query and streams over the text's keys, always from the first that the query sees.
//
// provides: attention;
// needs: CHUNKS, Chunk, LOWEST, QUERIES, Stored, cu_seqlens, exponential, key_chunk, output, params, query_chunk,
//   query_tile, score_bias, score_term, sum, value_chunk

@compute @workgroup_size(QUERIES)
fn attention(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let tile = query_tile(workgroup.x);
    let head = workgroup.y;
    if lane >= tile.count { return; }
    let row = tile.row + lane;
    let i = tile.position + lane;
    let start = cu_seqlens[tile.text];
    let length = cu_seqlens[tile.text + 1u] - start;
    let first = i - min(i, params.window);
    let end = min(length, i + min(params.window, length) + 1u);

    var query: array<Chunk, CHUNKS>;
    var acc: array<Chunk, CHUNKS>;
    for (var c = 0u; c < CHUNKS; c += 1u) {
        if c < params.head_width { query[c] = query_chunk(row, head, c); }
    }
    var row_max = LOWEST;
    var row_sum = 0.0;
    for (var j = first; j < end; j += 1u) {
        var products = Chunk(0);
        for (var c = 0u; c < CHUNKS; c += 1u) {
            if c < params.head_width { products = fma(query[c], key_chunk(start + j, head, c), products); }
        }
        let term = score_term(head, row, start + j, i, j);
        let score = fma(params.scale, sum(products) + term, score_bias(head, i, j));
        if score > row_max {
            let rescale = exponential(row_max - score);
            row_sum *= rescale;
            for (var c = 0u; c < CHUNKS; c += 1u) { acc[c] *= rescale; }
            row_max = score;
        }
        let p = exponential(score - row_max);
        row_sum += p;
        for (var c = 0u; c < CHUNKS; c += 1u) {
            if c < params.head_width { acc[c] = fma(Chunk(p), value_chunk(start + j, head, c), acc[c]); }
        }
    }

    let place = (row * params.heads + head) * params.head_width;
    for (var c = 0u; c < CHUNKS; c += 1u) {
        if c < params.head_width { output[place + c] = Stored(acc[c] / row_sum); }
    }
}
