// sum over columns of t (log(sum(exp(logits))) - x)
//
// provides: loss_of;
// needs: Lane, first_column, log_sum_exp, logits, next_column, params, reduce_add

@group(0) @binding(1) var<storage, read> targets: array<f32>; // [rows, columns]

fn loss_of(row: u32, lane: Lane) -> f32 {
    let start = row * params.columns;
    let total = log_sum_exp(start, lane);
    var loss = 0.0;
    for (var column = first_column(lane); column < params.columns; column = next_column(column)) {
        loss += targets[start + column] * (total.rest + (total.row_max - logits[start + column]));
    }
    return reduce_add(lane, loss);
}
