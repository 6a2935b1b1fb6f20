// Moved by one load and one store.
alias Piece = vec4<f32>;
