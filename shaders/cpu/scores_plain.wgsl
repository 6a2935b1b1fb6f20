// Scores of eight queries and the lane's key: scale * q . k, and nothing added.
//
// provides: first_carried, score_block; needs: Block, Queries, Vec8, load_key, params, products, scale8

alias Carried = u32;
struct Scored { scores: Vec8, carried: Carried }

fn first_carried(queries: Queries, block: Block) -> Carried { return 0u; }

fn score_block(queries: Queries, carried: Carried, block: Block) -> Scored {
    return Scored(scale8(params.scale, products(queries, load_key(block.row, block.head))), carried);
}
