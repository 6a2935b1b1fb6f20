// How a matrix product is written: as activations are stored.
alias Written = Stored;
