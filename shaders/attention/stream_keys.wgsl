// Only the first token of a text is a query: each of 64 lanes has the score of one key, then a chunk of the values.
//
// The sums take the steps of stream_tile.wgsl, whose blocks of keys are half as many: the answer has the bits that it has
// where all tokens ask.

const LANES: u32 = 64u;
const KEYS: u32 = 32u;
const FOURS: u32 = KEYS / 4u;

var<workgroup> scores: array<f32, LANES>;
var<workgroup> weights: array<f32, LANES>;
var<workgroup> partial: array<f32, LANES / 4u>; // of each four keys

fn score_of(tile: QueryTile, head: u32, key_row: u32, j: u32) -> f32 {
    var product = 0.0;
    for (var c = 0u; c < params.head_width; c += 1u) {
        let q = query_chunk(tile.row, head, c);
        let k = key_chunk(key_row, head, c);
        for (var e = 0u; e < WIDTH; e += 1u) { product = fma(element(q, e), element(k, e), product); }
    }
    return fma(params.scale, product, score_bias(head, tile.position, j));
}

// The weights of four keys and a chunk of the values, of all blocks so far.
struct Sums { weights: f32, values: Chunk }

fn add_block(before: Sums, shrink: f32, place: u32, key_row: u32, count: u32, head: u32, lane: u32) -> Sums {
    var sums = Sums(before.weights, before.values * shrink);
    if lane < FOURS {
        let four = place + 4u * lane;
        let own = (weights[four] + weights[four + 1u]) + (weights[four + 2u] + weights[four + 3u]);
        sums.weights = fma(before.weights, shrink, own);
    }
    if lane < params.head_width {
        for (var j = 0u; j < count; j += 1u) {
            sums.values = fma(Chunk(weights[place + j]), value_chunk(key_row + j, head, lane), sums.values);
        }
    }
    return sums;
}

@compute @workgroup_size(LANES)
fn attention(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let tile = query_tile(workgroup.x);
    let head = workgroup.y;
    let start = starts[tile.text];
    let length = starts[tile.text + 1u] - start;
    let end = min(length, tile.position + min(params.window, length) + 1u);

    var sums = Sums();
    var highest = LOWEST;
    for (var block = 0u; block < end; block += LANES) {
        let j = block + lane;
        let seen = j < length && visible(tile.position, j);
        var score = LOWEST;
        if seen { score = score_of(tile, head, start + j, j); }
        scores[lane] = score;
        workgroupBarrier();
        if lane < LANES / 4u {
            let four = 4u * lane;
            partial[lane] = max(max(scores[four], scores[four + 1u]), max(scores[four + 2u], scores[four + 3u]));
        }
        workgroupBarrier();
        var first = highest;
        for (var four = 0u; four < FOURS; four += 1u) { first = max(first, partial[four]); }
        var second = first;
        for (var four = FOURS; four < 2u * FOURS; four += 1u) { second = max(second, partial[four]); }
        weights[lane] = select(0.0, exponential(score - select(second, first, lane < KEYS)), seen);
        workgroupBarrier();

        let row = start + block;
        sums = add_block(sums, exponential(highest - first), 0u, row, min(KEYS, length - block), head, lane);
        if block + KEYS < end {
            let count = min(KEYS, length - block - KEYS);
            sums = add_block(sums, exponential(first - second), KEYS, row + KEYS, count, head, lane);
        }
        highest = second;
    }

    if lane < FOURS { partial[lane] = sums.weights; }
    workgroupBarrier();
    var sum = 0.0;
    for (var four = 0u; four < FOURS; four += 1u) { sum += partial[four]; }
    if lane < params.head_width {
        output[(tile.row * params.heads + head) * params.head_width + lane] = Stored(sums.values / sum);
    }
}
