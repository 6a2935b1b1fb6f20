// Up to 8 queries a workgroup, which is one subgroup of 8 lanes. Keys come in blocks of 8, counted from the text's
// first: a lane owns a key while the block is scored, and eight columns while its values are summed.
//
// This is for adapters that run a subgroup as one CPU vector (Mesa's llvmpipe), as is tile_vec8.wgsl. Another file scores a
// block.
//
// provides: Block, attention;
// needs: Accumulators, LANES, LOWEST, Vec8, add_block, cu_seqlens, exponentials, first_carried, load_queries, params,
//   query_tile, rescaled, score_block, store_accumulators, subgroup_max4, subgroup_sum4

// The tile's first query is at position i; the lane's key at position j, in the matrix's row `row`.
struct Block { row: u32, i: u32, j: u32, head: u32, lane: u32 }

// One step of the online softmax for four queries: p are the weights of the block, not yet divided by the row_sum.
struct OnlineSoftmax { row_max: vec4<f32>, row_sum: vec4<f32>, p: vec4<f32>, rescale: vec4<f32> }

fn online_softmax(row_max: vec4<f32>, row_sum: vec4<f32>, scores: vec4<f32>, visible: vec4<bool>) -> OnlineSoftmax {
    let now = max(row_max, subgroup_max4(select(vec4<f32>(LOWEST), scores, visible)));
    let p = select(vec4<f32>(0.0), exponentials(scores - now), visible);
    let rescale = exponentials(row_max - now);
    return OnlineSoftmax(now, fma(row_sum, rescale, p), p, rescale);
}

@compute @workgroup_size(LANES)
fn attention(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
    let tile = query_tile(workgroup.x);
    let head = workgroup.y;
    let start = cu_seqlens[tile.text];
    let length = cu_seqlens[tile.text + 1u] - start;
    let last = tile.position + tile.count - 1u;
    let first = (tile.position - min(tile.position, params.window)) / LANES * LANES;
    let end = min(length, last + min(params.window, length) + 1u);

    let queries = load_queries(tile.row + min(lane, tile.count - 1u), head);
    var carried = first_carried(queries, Block(start, tile.position, first + lane, head, lane));
    var acc = Accumulators();
    var row_max = Vec8(vec4<f32>(LOWEST), vec4<f32>(LOWEST));
    var row_sum = Vec8(); // of the keys that this lane owned
    for (var block = first; block < end; block += LANES) {
        let j = block + lane;
        let own = min(j, length - 1u); // beyond the end the last key stands in, with p = 0
        let scored = score_block(queries, carried, Block(start + own, tile.position, own, head, lane));
        carried = scored.carried;
        let scores = scored.scores;

        let reach = min(params.window, length);
        let i = vec4<u32>(tile.position) + vec4<u32>(0u, 1u, 2u, 3u);
        let inside = vec4<bool>(j < length);
        let low_visible = inside & (vec4<u32>(j) + reach >= i) & (vec4<u32>(j) <= i + reach);
        let high_visible = inside & (vec4<u32>(j) + reach >= i + 4u) & (vec4<u32>(j) <= i + 4u + reach);
        let low = online_softmax(row_max.low, row_sum.low, scores.low, low_visible);
        let high = online_softmax(row_max.high, row_sum.high, scores.high, high_visible);
        row_max = Vec8(low.row_max, high.row_max);
        row_sum = Vec8(low.row_sum, high.row_sum);

        let rescale = Vec8(low.rescale, high.rescale);
        acc = add_block(rescaled(acc, rescale), Vec8(low.p, high.p), start + block, length - 1u - block, head, lane);
    }
    let sums = Vec8(subgroup_sum4(row_sum.low), subgroup_sum4(row_sum.high));
    store_accumulators(acc, sums, tile.row, tile.count, head, lane);
}
