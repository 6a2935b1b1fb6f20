// What flash_cooperative.wgsl multiplies, from storage to workgroup memory: keys row by row, values column by column, so that
// what a lane loads of a matrix lies side by side.
//
// Rows beyond a text or a tile repeat its last, and columns beyond a head its last four: nobody uses the scores of such keys
// and the outputs of such queries and columns, queries are zero there, and p of such a key is.
//
// provides: fetch, fetch_queries, stage, stage_queries;
// needs: BLOCK_STRIDE, HEAD, HEAD_STRIDE, KEYS, LANES, QueryTile, ROWS, VALUES_AT, keys, params, put_halves, queries

const HEAD_FOURS: u32 = HEAD / 4u;
const KEY_FOURS: u32 = KEYS / 4u;
const SQUARES: u32 = HEAD_FOURS * KEY_FOURS; // 4 x 4 of a block of keys, and as many of values
const TRANSFERS: u32 = (2u * SQUARES + LANES - 1u) / LANES;
const QUERIES_FOURS: u32 = ROWS * HEAD_FOURS;
const QUERY_TRANSFERS: u32 = (QUERIES_FOURS + LANES - 1u) / LANES;

// What a lane has of them, number i: what one lane has no place for, the last has too.
alias Transfer = array<mat4x4<f16>, TRANSFERS>;
alias QueryTransfer = array<vec4<f16>, QUERY_TRANSFERS>;

fn fetch_queries(tile: QueryTile, head: u32, lane: u32) -> QueryTransfer {
    var transfer: QueryTransfer;
    // @unroll
    for (var i = 0u; i < QUERY_TRANSFERS; i += 1u) {
        let four = min(lane + i * LANES, QUERIES_FOURS - 1u);
        let row = tile.row + min(four / HEAD_FOURS, tile.count - 1u);
        let chunk = four % HEAD_FOURS;
        let near = min(chunk, params.head_width - 1u);
        let q = queries[row * params.query_stride + head * params.head_width + near];
        transfer[i] = select(vec4<f16>(0), q, chunk == near);
    }
    return transfer;
}

fn stage_queries(transfer: QueryTransfer, lane: u32) {
    // @unroll
    for (var i = 0u; i < QUERY_TRANSFERS; i += 1u) {
        let four = min(lane + i * LANES, QUERIES_FOURS - 1u);
        put_halves(four / HEAD_FOURS * HEAD_STRIDE + four % HEAD_FOURS, transfer[i]);
    }
}

// Keys are first; lanes beside each other have chunks beside each other of these, and rows below each other of values, which
// they write side by side.
struct Square { of_values: bool, row: u32, chunk: u32, place: u32, stride: u32 }

fn square_of(lane: u32, i: u32) -> Square {
    let index = min(lane + i * LANES, 2u * SQUARES - 1u);
    // Which a compiler knows of most numbers i, whatever it knows of the lane.
    let of_values = (i * LANES >= SQUARES) | (((i + 1u) * LANES > SQUARES) & (index >= SQUARES));
    if of_values {
        let own = index - SQUARES;
        let row = own % KEY_FOURS * 4u;
        let chunk = own / KEY_FOURS;
        return Square(true, row, chunk, VALUES_AT + 4u * chunk * BLOCK_STRIDE + row / 4u, BLOCK_STRIDE);
    }
    let row = index / HEAD_FOURS * 4u;
    let chunk = index % HEAD_FOURS;
    return Square(false, row, chunk, row * HEAD_STRIDE + chunk, HEAD_STRIDE);
}

// The values from `block` on, and the keys of the block behind them.
fn fetch(start: u32, block: u32, length: u32, head: u32, lane: u32) -> Transfer {
    var transfer: Transfer;
    // @unroll
    for (var i = 0u; i < TRANSFERS; i += 1u) {
        let square = square_of(lane, i);
        let row = square.row + select(block + KEYS, block, square.of_values);
        let first = select(params.first_key, params.first_value, square.of_values);
        let column = first + head * params.head_width + min(square.chunk, params.head_width - 1u);
        // @unroll
        for (var e = 0u; e < 4u; e += 1u) {
            transfer[i][e] = keys[(start + min(row + e, length - 1u)) * params.key_stride + column];
        }
    }
    return transfer;
}

fn stage(transfer: Transfer, lane: u32) {
    // @unroll
    for (var i = 0u; i < TRANSFERS; i += 1u) {
        let square = square_of(lane, i);
        let columns = transpose(transfer[i]);
        // @unroll
        for (var e = 0u; e < 4u; e += 1u) {
            put_halves(square.place + e * square.stride, select(transfer[i][e], columns[e], square.of_values));
        }
    }
}
