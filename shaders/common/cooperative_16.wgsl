// Matrices of 16 x 16: the tensor cores of NVIDIA, the matrix cores of AMD. Validated and translated for both, but not yet
// run on either.
const EDGE: u32 = 16u;
alias Left = coop_mat16x16<f16, A>;
alias Right = coop_mat16x16<f16, B>;
alias Sum = coop_mat16x16<f32, C>;

// Tensor cores round their sums towards zero (Ootomo & Yokota 2022): the sum over one block of k starts at zero, and is
// added to the total outside them.
fn begin(total: Sum) -> Sum { return Sum(); }
fn end(total: Sum, block: Sum) -> Sum { return total + block; }
