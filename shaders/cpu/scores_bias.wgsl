// Scores of eight queries and the lane's key: scale * q . k + query_table[buckets[i - j + max_length - 1]][head].

@group(0) @binding(5) var<storage, read> query_table: array<Element>; // [buckets, heads]
@group(0) @binding(7) var<storage, read> buckets: array<u32>; // [2 max_length - 1]

alias Carried = Numbers; // the lane's bias, for all queries the same
struct Scored { scores: Numbers, carried: Carried }

fn bias(distance: u32, head: u32) -> Numbers {
    let bucket = buckets[min(distance, 2u * params.max_length - 2u)];
    let x = vec4<f32>(f32(query_table[bucket * params.heads + head]));
    return Numbers(x, x);
}

fn first_carried(queries: Queries, block: Block) -> Carried {
    return bias(block.i + LANES + params.max_length - 1u - block.j, block.head);
}

fn score_block(queries: Queries, carried: Carried, block: Block) -> Scored {
    let scores = times(params.scale, products(queries, load_key(block.row, block.head)));
    let now = bias(block.i + params.max_length - 1u - block.j, block.head);
    return Scored(both(scores, by_distance(carried, now, block.lane)), now);
}
