// mean over columns of max(x, 0) - x t + log(1 + exp(-|x|)), the form that does not overflow
//
// provides: loss_of; needs: Lane, exponential, first_column, logits, next_column, params, reduce_add

@group(0) @binding(1) var<storage, read> targets: array<f32>; // [rows, columns] between 0 and 1

fn loss_of(row: u32, lane: Lane) -> f32 {
    let start = row * params.columns;
    var total = 0.0;
    for (var column = first_column(lane); column < params.columns; column = next_column(column)) {
        let logit = logits[start + column];
        total += max(logit, 0.0) - logit * targets[start + column] + log(1.0 + exponential(-abs(logit)));
    }
    return reduce_add(lane, total) / f32(params.columns);
}
