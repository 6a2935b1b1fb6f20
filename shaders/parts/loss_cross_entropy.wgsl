// log(sum(exp(logits))) - logits[target], shifted by the largest logit

@group(0) @binding(1) var<storage, read> targets: array<u32>; // [rows] class index

fn loss_of(row: u32, lane: u32) -> f32 {
    let start = row * params.columns;
    var highest = LOWEST;
    for (var column = lane; column < params.columns; column += LANES) {
        highest = max(highest, logits[start + column]);
    }
    highest = reduce_max(lane, highest);
    var total = 0.0;
    for (var column = lane; column < params.columns; column += LANES) {
        total += exponential(logits[start + column] - highest);
    }
    total = reduce_add(lane, total);
    return log(total) + (highest - logits[start + targets[row]]);
}
