// mean over columns of (x - t)^2
//
// provides: loss_of; needs: Lane, first_column, logits, next_column, params, reduce_add

@group(0) @binding(1) var<storage, read> targets: array<f32>; // [rows, columns]

fn loss_of(row: u32, lane: Lane) -> f32 {
    let start = row * params.columns;
    var total = 0.0;
    for (var column = first_column(lane); column < params.columns; column = next_column(column)) {
        let distance = logits[start + column] - targets[start + column];
        total = fma(distance, distance, total);
    }
    return reduce_add(lane, total) / f32(params.columns);
}
