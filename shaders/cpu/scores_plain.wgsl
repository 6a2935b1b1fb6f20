// Scores of eight queries and the lane's key: scale * q . k, and nothing added.

alias Carried = u32;
struct Scored { scores: Numbers, carried: Carried }

fn first_carried(queries: Queries, block: Block) -> Carried { return 0u; }

fn score_block(queries: Queries, carried: Carried, block: Block) -> Scored {
    return Scored(times(params.scale, products(queries, load_key(block.row, block.head))), carried);
}
