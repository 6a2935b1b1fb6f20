// How weights and activations are stored. Sums are f32 whatever is stored, and so are biases and gains.
alias Element = f16;
