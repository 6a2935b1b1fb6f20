// log_sum_exp: log(sum(exp(logits))) of a row, shifted by its largest logit
//
// provides: log_sum_exp;
// needs: LOWEST, Lane, exponential, first_column, logits, next_column, params, reduce_add, reduce_max

struct LogSumExp {
    row_max: f32,
    // Of what is left when `row_max` is taken off each logit.
    rest: f32,
}

fn log_sum_exp(start: u32, lane: Lane) -> LogSumExp {
    var row_max = LOWEST;
    for (var column = first_column(lane); column < params.columns; column = next_column(column)) {
        row_max = max(row_max, logits[start + column]);
    }
    row_max = reduce_max(lane, row_max);
    var row_sum = 0.0;
    for (var column = first_column(lane); column < params.columns; column = next_column(column)) {
        row_sum += exponential(logits[start + column] - row_max);
    }
    return LogSumExp(row_max, log(reduce_add(lane, row_sum)));
}
