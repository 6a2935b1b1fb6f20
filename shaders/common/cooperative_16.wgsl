// Matrices of 16 x 16: the tensor cores of NVIDIA, on which they have run, and the matrix cores of AMD, for which they are compiled.
//
// provides: EDGE, MatrixA, MatrixB, MatrixC, fold_matrix, open_matrix; needs: nothing

const EDGE: u32 = 16u;
alias MatrixA = coop_mat16x16<f16, A>;
alias MatrixB = coop_mat16x16<f16, B>;
alias MatrixC = coop_mat16x16<f32, C>;

// Tensor cores round their sums towards zero (Ootomo & Yokota 2022): the partial sum over one block of k starts at zero, and
// is added to the accumulator outside them.
fn open_matrix(acc: MatrixC) -> MatrixC { return MatrixC(); }
fn fold_matrix(acc: MatrixC, partial: MatrixC) -> MatrixC { return acc + partial; }
