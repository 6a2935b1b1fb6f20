// mean over columns of (x - t)^2

@group(0) @binding(1) var<storage, read> targets: array<f32>; // [rows, columns]

fn loss_of(row: u32, lane: u32) -> f32 {
    let start = row * params.columns;
    var total = 0.0;
    for (var column = lane; column < params.columns; column += LANES) {
        let distance = logits[start + column] - targets[start + column];
        total = fma(distance, distance, total);
    }
    return reduce_add(lane, total) / f32(params.columns);
}
