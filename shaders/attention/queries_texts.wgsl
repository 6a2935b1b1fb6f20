// Only the first token of each text is a query, and the query matrix has one row a text.
//
// provides: QUERIES, query_tile; needs: QueryTile

const QUERIES: u32 = 1u;

fn query_tile(index: u32) -> QueryTile {
    return QueryTile(index, 0u, 1u, index);
}
