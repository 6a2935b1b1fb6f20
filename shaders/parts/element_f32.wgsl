// How weights and activations are stored. Sums are f32 whatever is stored.
alias Element = f32;
