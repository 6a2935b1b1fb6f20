// A matrix product is written as activations are stored.
//
// provides: Written; needs: Stored

alias Written = Stored;
