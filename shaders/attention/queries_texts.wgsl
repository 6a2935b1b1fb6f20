// Only the first token of each text is a query, and the query matrix has one row a text.
//
// provides: query_tile; needs: QueryTile

fn query_tile(index: u32) -> QueryTile {
    return QueryTile(index, 0u, 1u, index);
}
