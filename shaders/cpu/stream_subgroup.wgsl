// Up to 8 queries a workgroup, which is one subgroup of 8 lanes. Keys come in blocks of 8, counted from the text's
// first: a lane owns a key while the block is scored, and eight columns while its values are summed.
//
// For adapters that run a subgroup as one CPU vector (Mesa's llvmpipe), as is tile_subgroup.wgsl. The linked part scores
// a block.

// The tile's first query is at position i; the lane's key at position j, in the matrix's row `row`.
struct Block { row: u32, i: u32, j: u32, head: u32, lane: u32 }

// One block of the softmax for four queries.
struct Streamed { highest: vec4<f32>, weights: vec4<f32>, block: vec4<f32>, shrink: vec4<f32> }

fn stream(highest: vec4<f32>, weights: vec4<f32>, scores: vec4<f32>, seen: vec4<bool>) -> Streamed {
    let now = max(highest, largest(select(vec4<f32>(LOWEST), scores, seen)));
    let block = select(vec4<f32>(), exponentials(scores - now), seen);
    let shrink = exponentials(highest - now);
    return Streamed(now, fma(weights, shrink, block), block, shrink);
}

@compute @workgroup_size(LANES)
fn attention(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
    let tile = query_tile(workgroup.x);
    let head = workgroup.y;
    let start = starts[tile.text];
    let length = starts[tile.text + 1u] - start;
    let last = tile.position + tile.count - 1u;
    let first = (tile.position - min(tile.position, params.window)) / LANES * LANES;
    let end = min(length, last + min(params.window, length) + 1u);

    let queries = load_queries(tile.row + min(lane, tile.count - 1u), head);
    var carried = first_carried(queries, Block(start, tile.position, first + lane, head, lane));
    var totals = Totals();
    var highest = Numbers(vec4<f32>(LOWEST), vec4<f32>(LOWEST));
    var weights = Numbers(); // of the keys that this lane owned
    for (var block = first; block < end; block += LANES) {
        let j = block + lane;
        let own = min(j, length - 1u); // beyond the end the last key stands in, with weight 0
        let scored = score_block(queries, carried, Block(start + own, tile.position, own, head, lane));
        carried = scored.carried;
        let scores = scored.scores;

        let reach = min(params.window, length);
        let i = vec4<u32>(tile.position) + vec4<u32>(0u, 1u, 2u, 3u);
        let inside = vec4<bool>(j < length);
        let upper_seen = inside & (vec4<u32>(j) + reach >= i) & (vec4<u32>(j) <= i + reach);
        let lower_seen = inside & (vec4<u32>(j) + reach >= i + 4u) & (vec4<u32>(j) <= i + 4u + reach);
        let upper = stream(highest.upper, weights.upper, scores.upper, upper_seen);
        let lower = stream(highest.lower, weights.lower, scores.lower, lower_seen);
        highest = Numbers(upper.highest, lower.highest);
        weights = Numbers(upper.weights, lower.weights);

        let shrink = Numbers(upper.shrink, lower.shrink);
        let summed = shrunk(totals, shrink);
        totals = add_block(summed, Numbers(upper.block, lower.block), start + block, length - 1u - block, head, lane);
    }
    write_totals(totals, Numbers(added(weights.upper), added(weights.lower)), tile.row, tile.count, head, lane);
}
