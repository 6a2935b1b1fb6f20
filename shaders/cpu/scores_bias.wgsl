// Scores of eight queries and the lane's key: scale * q . k + query_table[buckets[i - j + max_length - 1]][head].
//
// provides: first_carried, score_block;
// needs: Block, Element, LANES, Queries, Vec8, add8, by_distance, load_key, params, products, scale8

@group(0) @binding(5) var<storage, read> query_table: array<Element>; // [buckets, heads]
@group(0) @binding(7) var<storage, read> buckets: array<u32>; // [2 max_length - 1]

alias Carried = Vec8; // the lane's bias, for all queries the same
struct Scored { scores: Vec8, carried: Carried }

fn bias(distance: u32, head: u32) -> Vec8 {
    let bucket = buckets[min(distance, 2u * params.max_length - 2u)];
    let x = vec4<f32>(f32(query_table[bucket * params.heads + head]));
    return Vec8(x, x);
}

fn first_carried(queries: Queries, block: Block) -> Carried {
    return bias(block.i + LANES + params.max_length - 1u - block.j, block.head);
}

fn score_block(queries: Queries, carried: Carried, block: Block) -> Scored {
    let scores = scale8(params.scale, products(queries, load_key(block.row, block.head)));
    let now = bias(block.i + params.max_length - 1u - block.j, block.head);
    return Scored(add8(scores, by_distance(carried, now, block.lane)), now);
}
