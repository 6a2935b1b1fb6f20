// Matrices of 8 x 8: Metal's simdgroup matrices (translated, not yet run there) and those of Mesa's software adapter, on
// which tests run them. Their sums round as f32 does.
const EDGE: u32 = 8u;
alias Left = coop_mat8x8<f16, A>;
alias Right = coop_mat8x8<f16, B>;
alias Sum = coop_mat8x8<f32, C>;

// The sum over one block of k starts where the blocks before it ended.
fn begin(total: Sum) -> Sum { return total; }
fn end(total: Sum, block: Sum) -> Sum { return block; }
