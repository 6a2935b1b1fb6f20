// How activations are stored, and weights that are not packed. Sums, biases and gains are f32 whatever is stored.
alias Element = f16;
