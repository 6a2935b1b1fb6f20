// log(sum(exp(logits))) - logits[target], shifted by the largest logit

@group(0) @binding(1) var<storage, read> targets: array<u32>; // [rows] class index

fn loss_of(row: u32, lane: Lane) -> f32 {
    let start = row * params.columns;
    var highest = LOWEST;
    for (var column = first_column(lane); column < params.columns; column = next_column(column)) {
        highest = max(highest, logits[start + column]);
    }
    highest = reduce_max(lane, highest);
    var total = 0.0;
    for (var column = first_column(lane); column < params.columns; column = next_column(column)) {
        total += exponential(logits[start + column] - highest);
    }
    total = reduce_add(lane, total);
    return log(total) + (highest - logits[start + targets[row]]);
}
