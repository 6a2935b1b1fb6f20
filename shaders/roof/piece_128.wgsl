// A piece is what one load and one store move.
//
// provides: Piece; needs: nothing

alias Piece = vec4<f32>;
