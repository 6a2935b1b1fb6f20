// sum over columns of t (log(sum(exp(logits))) - x), shifted by the largest logit

@group(0) @binding(1) var<storage, read> targets: array<f32>; // [rows, columns]

fn loss_of(row: u32, lane: Lane) -> f32 {
    let start = row * params.columns;
    var highest = LOWEST;
    for (var column = first_column(lane); column < params.columns; column = next_column(column)) {
        highest = max(highest, logits[start + column]);
    }
    highest = reduce_max(lane, highest);
    var sum_of_exponentials = 0.0;
    for (var column = first_column(lane); column < params.columns; column = next_column(column)) {
        sum_of_exponentials += exponential(logits[start + column] - highest);
    }
    let logarithm = log(reduce_add(lane, sum_of_exponentials));
    var total = 0.0;
    for (var column = first_column(lane); column < params.columns; column = next_column(column)) {
        total += targets[start + column] * (logarithm + (highest - logits[start + column]));
    }
    return reduce_add(lane, total);
}
