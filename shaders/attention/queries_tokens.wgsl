// Every token is a query; the host lists (text, first position) of each tile, and beside them the slots of short texts.
//
// provides: QUERIES, query_tile; needs: QueryTile, cu_seqlens

@group(0) @binding(4) var<storage, read> tiles: array<vec4<u32>>; // [tiles] of (text, position, ..)

override QUERIES: u32; // of a tile

fn query_tile(index: u32) -> QueryTile {
    let tile = tiles[index];
    let start = cu_seqlens[tile.x];
    return QueryTile(tile.x, tile.y, min(QUERIES, cu_seqlens[tile.x + 1u] - start - tile.y), start + tile.y);
}
