// A piece is what one load and one store move: the widest that WGSL can say.
//
// provides: Piece; needs: nothing

alias Piece = vec4<u64>;
