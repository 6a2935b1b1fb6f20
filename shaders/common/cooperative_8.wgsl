// Matrices of 8 x 8: Metal's simdgroup matrices (translated, not yet run there) and those of Mesa's software adapter, on
// which tests run them. Their sums round as f32 does.
//
// provides: EDGE, MatrixA, MatrixB, MatrixC, fold_matrix, open_matrix; needs: nothing

const EDGE: u32 = 8u;
alias MatrixA = coop_mat8x8<f16, A>;
alias MatrixB = coop_mat8x8<f16, B>;
alias MatrixC = coop_mat8x8<f32, C>;

// The partial sum over one block of k starts at the accumulator, and becomes it.
fn open_matrix(acc: MatrixC) -> MatrixC { return acc; }
fn fold_matrix(acc: MatrixC, partial: MatrixC) -> MatrixC { return partial; }
