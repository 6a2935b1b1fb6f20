// What short_cooperative.wgsl multiplies, from storage to workgroup memory: queries and keys row by row, values column by column, so that
// what a lane loads of a matrix lies side by side.
//
// Columns beyond a head repeat its last four: queries are zero there.
//
// provides: HEAD_FOURS, fetch_keys, fetch_queries, fetch_values, stage_rows, stage_values;
// needs: HEAD, HEAD_STRIDE, KEYS_AT, LANES, SHARED_ROWS, SLOT_ROWS, VALUE_STRIDE, keys, params, position_in, put_halves, queries,
//   query_row, slot_lds

const HEAD_FOURS: u32 = HEAD / 4u;
const ROW_FOURS: u32 = SHARED_ROWS / 4u;
const FOURS: u32 = SHARED_ROWS * HEAD_FOURS;
const TRANSFERS: u32 = (FOURS + LANES - 1u) / LANES;
const SQUARES: u32 = ROW_FOURS * HEAD_FOURS; // 4 x 4 of the values
const SQUARE_TRANSFERS: u32 = (SQUARES + LANES - 1u) / LANES;

// What a lane has of them, number i: what one lane has no place for, the last has too.
alias Transfer = array<vec4<f16>, TRANSFERS>;
alias SquareTransfer = array<mat4x4<f16>, SQUARE_TRANSFERS>;

fn own_four(lane: u32, i: u32) -> u32 { return min(lane + i * LANES, FOURS - 1u); }
fn own_square(lane: u32, i: u32) -> u32 { return min(lane + i * LANES, SQUARES - 1u); }

fn fetch_queries(head: u32, lane: u32) -> Transfer {
    var transfer: Transfer;
    // @unroll
    for (var i = 0u; i < TRANSFERS; i += 1u) {
        let row = own_four(lane, i) / HEAD_FOURS;
        let chunk = own_four(lane, i) % HEAD_FOURS;
        let near = min(chunk, params.head_width - 1u);
        let slot = slot_lds[row / SLOT_ROWS];
        let own = query_row(slot.text, slot.start, position_in(slot, row));
        let q = queries[own * params.query_stride + head * params.head_width + near];
        transfer[i] = select(vec4<f16>(0), q, chunk == near);
    }
    return transfer;
}

fn fetch_keys(head: u32, lane: u32) -> Transfer {
    var transfer: Transfer;
    // @unroll
    for (var i = 0u; i < TRANSFERS; i += 1u) {
        let row = own_four(lane, i) / HEAD_FOURS;
        let near = min(own_four(lane, i) % HEAD_FOURS, params.head_width - 1u);
        let slot = slot_lds[row / SLOT_ROWS];
        let own = slot.start + position_in(slot, row);
        transfer[i] = keys[own * params.key_stride + params.first_key + head * params.head_width + near];
    }
    return transfer;
}

// Queries, which are first, and keys.
fn stage_rows(transfer: Transfer, first: u32, lane: u32) {
    // @unroll
    for (var i = 0u; i < TRANSFERS; i += 1u) {
        let four = own_four(lane, i);
        put_halves(first + four / HEAD_FOURS * HEAD_STRIDE + four % HEAD_FOURS, transfer[i]);
    }
}

// Lanes beside each other have rows below each other, which they write side by side.
fn fetch_values(head: u32, lane: u32) -> SquareTransfer {
    var transfer: SquareTransfer;
    // @unroll
    for (var i = 0u; i < SQUARE_TRANSFERS; i += 1u) {
        let row = own_square(lane, i) % ROW_FOURS * 4u;
        let near = min(own_square(lane, i) / ROW_FOURS, params.head_width - 1u);
        let slot = slot_lds[row / SLOT_ROWS];
        let column = params.first_value + head * params.head_width + near;
        // @unroll
        for (var e = 0u; e < 4u; e += 1u) {
            transfer[i][e] = keys[(slot.start + position_in(slot, row + e)) * params.key_stride + column];
        }
    }
    return transfer;
}

// In the place of the keys.
fn stage_values(transfer: SquareTransfer, lane: u32) {
    // @unroll
    for (var i = 0u; i < SQUARE_TRANSFERS; i += 1u) {
        let row = own_square(lane, i) % ROW_FOURS;
        let column = own_square(lane, i) / ROW_FOURS * 4u;
        let columns = transpose(transfer[i]);
        // @unroll
        for (var e = 0u; e < 4u; e += 1u) { put_halves(KEYS_AT + (column + e) * VALUE_STRIDE + row, columns[e]); }
    }
}
