// 2 x 4 matrices a subgroup: 6 loads of matrices for 8 products of them.

const MATRICES_DOWN: u32 = 2u;
const MATRICES_ACROSS: u32 = 4u;
const MATRICES: u32 = MATRICES_DOWN * MATRICES_ACROSS;
alias Totals = array<Total, MATRICES>;

// Adds the products of a staged block, whose own rows begin at `rows` and own columns at `columns`. Written out, because a
// total that is indexed by a variable may end up in memory.
fn add_block(totals: ptr<function, Totals>, rows: u32, columns: u32) {
    var sum0 = begin_block((*totals)[0]);
    var sum1 = begin_block((*totals)[1]);
    var sum2 = begin_block((*totals)[2]);
    var sum3 = begin_block((*totals)[3]);
    var sum4 = begin_block((*totals)[4]);
    var sum5 = begin_block((*totals)[5]);
    var sum6 = begin_block((*totals)[6]);
    var sum7 = begin_block((*totals)[7]);
    for (var k = 0u; k < DEPTH; k += EDGE) {
        let right0 = right_at(columns + k * WEIGHT_STRIDE);
        let right1 = right_at(columns + k * WEIGHT_STRIDE + EDGE);
        let right2 = right_at(columns + k * WEIGHT_STRIDE + 2u * EDGE);
        let right3 = right_at(columns + k * WEIGHT_STRIDE + 3u * EDGE);
        let left0 = left_at(rows + k);
        sum0 = multiply(left0, right0, sum0);
        sum1 = multiply(left0, right1, sum1);
        sum2 = multiply(left0, right2, sum2);
        sum3 = multiply(left0, right3, sum3);
        let left1 = left_at(rows + EDGE * INPUT_STRIDE + k);
        sum4 = multiply(left1, right0, sum4);
        sum5 = multiply(left1, right1, sum5);
        sum6 = multiply(left1, right2, sum6);
        sum7 = multiply(left1, right3, sum7);
    }
    (*totals)[0] = end_block((*totals)[0], sum0);
    (*totals)[1] = end_block((*totals)[1], sum1);
    (*totals)[2] = end_block((*totals)[2], sum2);
    (*totals)[3] = end_block((*totals)[3], sum3);
    (*totals)[4] = end_block((*totals)[4], sum4);
    (*totals)[5] = end_block((*totals)[5], sum5);
    (*totals)[6] = end_block((*totals)[6], sum6);
    (*totals)[7] = end_block((*totals)[7], sum7);
}

// Writes a matrix of the totals to memory, where `answer` finds it.
fn publish(totals: ptr<function, Totals>, matrix: u32, place: u32) {
    switch matrix {
        case 0u: { store((*totals)[0], place); }
        case 1u: { store((*totals)[1], place); }
        case 2u: { store((*totals)[2], place); }
        case 3u: { store((*totals)[3], place); }
        case 4u: { store((*totals)[4], place); }
        case 5u: { store((*totals)[5], place); }
        case 6u: { store((*totals)[6], place); }
        default: { store((*totals)[7], place); }
    }
}
