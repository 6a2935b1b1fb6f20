fn position_at(position: u32, column: u32) -> f32 { return 0.0; }
