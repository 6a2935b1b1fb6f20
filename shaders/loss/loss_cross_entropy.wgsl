// log(sum(exp(logits))) - logits[target], shifted by the largest logit
//
// provides: loss_of;
// needs: LOWEST, Lane, exponential, first_column, logits, next_column, params, reduce_add, reduce_max

@group(0) @binding(1) var<storage, read> targets: array<u32>; // [rows] class index

fn loss_of(row: u32, lane: Lane) -> f32 {
    let start = row * params.columns;
    var row_max = LOWEST;
    for (var column = first_column(lane); column < params.columns; column = next_column(column)) {
        row_max = max(row_max, logits[start + column]);
    }
    row_max = reduce_max(lane, row_max);
    var row_sum = 0.0;
    for (var column = first_column(lane); column < params.columns; column = next_column(column)) {
        row_sum += exponential(logits[start + column] - row_max);
    }
    row_sum = reduce_add(lane, row_sum);
    return log(row_sum) + (row_max - logits[start + targets[row]]);
}
