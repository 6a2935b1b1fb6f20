// 2 x 2 matrices a subgroup: 4 loads of matrices for 4 products of them.

const MATRICES_DOWN: u32 = 2u;
const MATRICES_ACROSS: u32 = 2u;
const MATRICES: u32 = MATRICES_DOWN * MATRICES_ACROSS;
alias Totals = array<Total, MATRICES>;

// Adds the products of a staged block, whose own rows begin at `rows` and own columns at `columns`. Written out, because a
// total that is indexed by a variable may end up in memory.
fn add_block(totals: ptr<function, Totals>, rows: u32, columns: u32) {
    var sum0 = begin_block((*totals)[0]);
    var sum1 = begin_block((*totals)[1]);
    var sum2 = begin_block((*totals)[2]);
    var sum3 = begin_block((*totals)[3]);
    for (var k = 0u; k < DEPTH; k += EDGE) {
        let right0 = right_at(columns + k * WEIGHT_STRIDE);
        let right1 = right_at(columns + k * WEIGHT_STRIDE + EDGE);
        let left0 = left_at(rows + k);
        sum0 = multiply(left0, right0, sum0);
        sum1 = multiply(left0, right1, sum1);
        let left1 = left_at(rows + EDGE * INPUT_STRIDE + k);
        sum2 = multiply(left1, right0, sum2);
        sum3 = multiply(left1, right1, sum3);
    }
    (*totals)[0] = end_block((*totals)[0], sum0);
    (*totals)[1] = end_block((*totals)[1], sum1);
    (*totals)[2] = end_block((*totals)[2], sum2);
    (*totals)[3] = end_block((*totals)[3], sum3);
}

// Writes a matrix of the totals to memory, where `answer` finds it.
fn publish(totals: ptr<function, Totals>, matrix: u32, place: u32) {
    switch matrix {
        case 0u: { store((*totals)[0], place); }
        case 1u: { store((*totals)[1], place); }
        case 2u: { store((*totals)[2], place); }
        default: { store((*totals)[3], place); }
    }
}
