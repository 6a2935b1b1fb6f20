// The matrices of flash_cooperative.wgsl, which the subgroups of a workgroup share out among them: each has some of one row
// of matrices.
//
// provides: Accumulators, HEAD_MATRICES, OWNERS, Own, Weights, add_product, load_queries, multiply_keys, multiply_values, own_of,
//   rescale, write_outputs;
// needs: BLOCK_STRIDE, EDGE, HEAD, HEAD_STRIDE, KEYS, LANES, MatrixA, MatrixC, NUMBERS, P_AT, QueryTile, SCORE_STRIDE, Stored, VALUES_AT,
//   factor_lds, fold_matrix, get_numbers, load_a, load_b, load_c, multiply_columns, open_matrix, output, params, put_numbers, store_c

const KEY_MATRICES: u32 = KEYS / EDGE; // side by side in a block
const HEAD_MATRICES: u32 = HEAD / EDGE;
const MATRIX_STRIDE: u32 = EDGE / 4u;
const MATRIX_FOURS: u32 = EDGE * MATRIX_STRIDE;
const OWNERS: u32 = NUMBERS / MATRIX_FOURS; // subgroups that there is room for

alias Queries = array<MatrixA, HEAD_MATRICES>;
alias Accumulators = array<MatrixC, HEAD_MATRICES>;
alias Weights = array<MatrixA, KEY_MATRICES>; // p of a block of keys

// Of the four rows of matrices a subgroup's is `row`; its columns are `first`, `first + across`... Where there are fewer, the
// last is computed twice: control flow around matrices must be uniform, and the same values are written to the same place.
struct Own { owner: u32, row: u32, first: u32 }

fn own_of(across: u32, subgroup: u32) -> Own {
    let owner = min(subgroup, 4u * across - 1u);
    return Own(owner, owner % 4u, owner / 4u);
}

fn load_queries(own: Own) -> Queries {
    var queries: Queries;
    // @unroll
    for (var k = 0u; k < HEAD_MATRICES; k += 1u) {
        queries[k] = load_a(own.row * EDGE * HEAD_STRIDE + k * MATRIX_STRIDE, HEAD_STRIDE);
    }
    return queries;
}

// number_lds = queries . keys^T. Subgroups that share a row all compute it: a compiler may delay a load until behind a
// condition, and what is on its way from storage is to be so while these products are computed.
fn multiply_keys(queries: ptr<function, Queries>, own: Own) {
    // @unroll
    for (var column = 0u; column < KEY_MATRICES; column += 1u) {
        var sum = MatrixC();
        // @unroll
        for (var k = 0u; k < HEAD_MATRICES; k += 1u) {
            let keys = load_b(column * EDGE * HEAD_STRIDE + k * MATRIX_STRIDE, HEAD_STRIDE);
            sum = coopMultiplyAdd((*queries)[k], keys, sum);
        }
        store_c(sum, own.row * EDGE * SCORE_STRIDE + column * MATRIX_STRIDE, SCORE_STRIDE);
    }
}

// acc += p . values
fn multiply_values(acc: ptr<function, Accumulators>, own: Own, across: u32) {
    var p: Weights;
    // @unroll
    for (var k = 0u; k < KEY_MATRICES; k += 1u) {
        p[k] = load_a(P_AT + own.row * EDGE * BLOCK_STRIDE + k * MATRIX_STRIDE, BLOCK_STRIDE);
    }
    multiply_columns(acc, &p, own, 0u, across);
}

// What is added to an accumulator: p and the subgroup's column `c` further than its first.
fn add_product(acc: MatrixC, p: ptr<function, Weights>, own: Own, c: u32, key: u32) -> MatrixC {
    let column = min(own.first + c, HEAD_MATRICES - 1u);
    var sum = open_matrix(acc);
    // @unroll
    for (var k = 0u; k < KEY_MATRICES; k += 1u) {
        let values = load_b(VALUES_AT + column * EDGE * BLOCK_STRIDE + k * MATRIX_STRIDE, BLOCK_STRIDE);
        sum = coopMultiplyAdd((*p)[k], values, sum);
    }
    return fold_matrix(acc, sum);
}

// The matrices number m of all subgroups lie in workgroup memory one after the other. An array that the variable of a loop
// indexed which is too long to unroll would lie in memory while products are added too: hence the inner loops.
fn put_accumulator(acc: ptr<function, Accumulators>, own: Own, m: u32) {
    // @unroll
    for (var i = 0u; i < HEAD_MATRICES; i += 1u) {
        if i == m { store_c((*acc)[i], own.owner * MATRIX_FOURS, MATRIX_STRIDE); }
    }
}

fn take_accumulator(acc: ptr<function, Accumulators>, own: Own, m: u32) {
    // @unroll
    for (var i = 0u; i < HEAD_MATRICES; i += 1u) {
        if i == m { (*acc)[i] = load_c(own.owner * MATRIX_FOURS, MATRIX_STRIDE); }
    }
}

// Row of the tile that a four of these matrices belongs to.
fn row_of(place: u32) -> u32 {
    return place / MATRIX_FOURS % 4u * EDGE + place % MATRIX_FOURS / MATRIX_STRIDE;
}

fn rescale(acc: ptr<function, Accumulators>, own: Own, across: u32, lane: u32) {
    for (var m = 0u; m < HEAD_MATRICES; m += 1u) {
        if m * across >= HEAD_MATRICES { break; }
        put_accumulator(acc, own, m);
        workgroupBarrier();
        for (var place = lane; place < 4u * across * MATRIX_FOURS; place += LANES) {
            put_numbers(place, get_numbers(place) * factor_lds[row_of(place)]);
        }
        workgroupBarrier();
        take_accumulator(acc, own, m);
        workgroupBarrier();
    }
}

fn write_outputs(acc: ptr<function, Accumulators>, own: Own, across: u32, tile: QueryTile, head: u32, lane: u32) {
    for (var m = 0u; m < HEAD_MATRICES; m += 1u) {
        if m * across >= HEAD_MATRICES { break; }
        put_accumulator(acc, own, m);
        workgroupBarrier();
        for (var place = lane; place < 4u * across * MATRIX_FOURS; place += LANES) {
            let column = place / MATRIX_FOURS / 4u + m * across;
            let chunk = column * MATRIX_STRIDE + place % MATRIX_STRIDE;
            let row = row_of(place);
            if row < tile.count && chunk < params.head_width {
                let attended = get_numbers(place) * factor_lds[row];
                output[((tile.row + row) * params.heads + head) * params.head_width + chunk] = Stored(attended);
            }
        }
        workgroupBarrier();
    }
}
