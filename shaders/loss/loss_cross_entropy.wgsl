// log(sum(exp(logits))) - logits[target]
//
// provides: loss_of; needs: Lane, log_sum_exp, logits, params

@group(0) @binding(1) var<storage, read> targets: array<u32>; // [rows] class index

fn loss_of(row: u32, lane: Lane) -> f32 {
    let start = row * params.columns;
    let total = log_sum_exp(start, lane);
    return total.rest + (total.row_max - logits[start + targets[row]]);
}
