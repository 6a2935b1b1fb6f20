fn residual_at(index: u32) -> f32 { return 0.0; }
