// A lane owns one query and streams over the text's keys, always from the first that the query sees.

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
    let start = starts[tile.text];
    let length = starts[tile.text + 1u] - start;
    let first = i - min(i, params.window);
    let end = min(length, i + min(params.window, length) + 1u);

    var query: array<Chunk, CHUNKS>;
    var total: array<Chunk, CHUNKS>;
    for (var c = 0u; c < CHUNKS; c += 1u) {
        if c < params.head_width { query[c] = query_chunk(row, head, c); }
    }
    var highest = LOWEST;
    var weights = 0.0;
    for (var j = first; j < end; j += 1u) {
        var products = Chunk();
        for (var c = 0u; c < CHUNKS; c += 1u) {
            if c < params.head_width { products = fma(query[c], key_chunk(start + j, head, c), products); }
        }
        let term = score_term(head, row, start + j, i, j);
        let score = fma(params.scale, sum(products) + term, score_bias(head, i, j));
        if score > highest {
            let shrink = exponential(highest - score);
            weights *= shrink;
            for (var c = 0u; c < CHUNKS; c += 1u) { total[c] *= shrink; }
            highest = score;
        }
        let weight = exponential(score - highest);
        weights += weight;
        for (var c = 0u; c < CHUNKS; c += 1u) {
            if c < params.head_width { total[c] = fma(Chunk(weight), value_chunk(start + j, head, c), total[c]); }
        }
    }

    let place = (row * params.heads + head) * params.head_width;
    for (var c = 0u; c < CHUNKS; c += 1u) {
        if c < params.head_width { output[place + c] = Stored(total[c] / weights); }
    }
}
