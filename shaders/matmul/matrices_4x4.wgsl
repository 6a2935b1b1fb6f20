// 4 x 4 matrices a subgroup: 8 loads of matrices for 16 products of them, where they are small enough for the registers.

const MATRICES_DOWN: u32 = 4u;
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
    var sum8 = begin_block((*totals)[8]);
    var sum9 = begin_block((*totals)[9]);
    var sum10 = begin_block((*totals)[10]);
    var sum11 = begin_block((*totals)[11]);
    var sum12 = begin_block((*totals)[12]);
    var sum13 = begin_block((*totals)[13]);
    var sum14 = begin_block((*totals)[14]);
    var sum15 = begin_block((*totals)[15]);
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
        let left2 = left_at(rows + 2u * EDGE * INPUT_STRIDE + k);
        sum8 = multiply(left2, right0, sum8);
        sum9 = multiply(left2, right1, sum9);
        sum10 = multiply(left2, right2, sum10);
        sum11 = multiply(left2, right3, sum11);
        let left3 = left_at(rows + 3u * EDGE * INPUT_STRIDE + k);
        sum12 = multiply(left3, right0, sum12);
        sum13 = multiply(left3, right1, sum13);
        sum14 = multiply(left3, right2, sum14);
        sum15 = multiply(left3, right3, sum15);
    }
    (*totals)[0] = end_block((*totals)[0], sum0);
    (*totals)[1] = end_block((*totals)[1], sum1);
    (*totals)[2] = end_block((*totals)[2], sum2);
    (*totals)[3] = end_block((*totals)[3], sum3);
    (*totals)[4] = end_block((*totals)[4], sum4);
    (*totals)[5] = end_block((*totals)[5], sum5);
    (*totals)[6] = end_block((*totals)[6], sum6);
    (*totals)[7] = end_block((*totals)[7], sum7);
    (*totals)[8] = end_block((*totals)[8], sum8);
    (*totals)[9] = end_block((*totals)[9], sum9);
    (*totals)[10] = end_block((*totals)[10], sum10);
    (*totals)[11] = end_block((*totals)[11], sum11);
    (*totals)[12] = end_block((*totals)[12], sum12);
    (*totals)[13] = end_block((*totals)[13], sum13);
    (*totals)[14] = end_block((*totals)[14], sum14);
    (*totals)[15] = end_block((*totals)[15], sum15);
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
        case 7u: { store((*totals)[7], place); }
        case 8u: { store((*totals)[8], place); }
        case 9u: { store((*totals)[9], place); }
        case 10u: { store((*totals)[10], place); }
        case 11u: { store((*totals)[11], place); }
        case 12u: { store((*totals)[12], place); }
        case 13u: { store((*totals)[13], place); }
        case 14u: { store((*totals)[14], place); }
        default: { store((*totals)[15], place); }
    }
}
