// Moved by one load and one store: the widest that WGSL can say.
alias Piece = vec4<u64>;
