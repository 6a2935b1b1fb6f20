// Activations are stored as f16, and so are weights that are not packed. Sums, biases and gains are f32 whatever is stored.
//
// provides: Element; needs: nothing

alias Element = f16;
