// A workgroup owns 32 queries of a head and meets the keys 64 at a time (FlashAttention-2, Dao 2023): both products on matrix
// units, f16 in and f32 out, and between them the softmax in f32. Outside of the matrices four lanes share a query.
//
// What comes out of the matrix units passes through workgroup memory: WGSL has no way to the elements of a matrix. Blocks
// of keys are counted from the text's first, and one that a query does not see adds zeros to its sums.

override HEAD: u32; // columns of a head, rounded up to whole matrices
override STRIDE: u32 = HEAD + 8u; // rows below each other lie in different banks, and start at whole 16 bytes
override ANSWERS: u32 = max(HEAD, KEYS) + 4u;

const LANES: u32 = 128u;
const ROWS: u32 = 32u;
const KEYS: u32 = 64u;
const SHARING: u32 = LANES / ROWS;
const SCORES: u32 = KEYS / SHARING; // of a lane
const OWN: u32 = CHUNKS / SHARING; // chunks of a query's values that a lane has
const WEIGHTS: u32 = KEYS + 8u;

var<workgroup> queries_here: array<f16, ROWS * STRIDE>; // [ROWS, STRIDE]
var<workgroup> keys_here: array<f16, KEYS * STRIDE>; // [KEYS, STRIDE]: keys, then values
var<workgroup> weights_here: array<f16, ROWS * WEIGHTS>; // [ROWS, WEIGHTS]
// [ROWS, ANSWERS]: scores, then weighted values; and a matrix that nobody reads
var<workgroup> answers: array<f32, ROWS * ANSWERS + EDGE * EDGE>;
var<workgroup> partial: array<f32, LANES>;
var<workgroup> shared_count: u32; // of subgroups: what is loaded from here is uniform

fn stage_queries(tile: QueryTile, head: u32, lane: u32) {
    for (var i = lane; i < ROWS * HEAD / 4u; i += LANES) {
        let row = i / (HEAD / 4u);
        let chunk = i % (HEAD / 4u);
        var q = Chunk();
        if row < tile.count && chunk < params.head_width { q = query_chunk(tile.row + row, head, chunk); }
        for (var e = 0u; e < 4u; e += 1u) { queries_here[row * STRIDE + 4u * chunk + e] = f16(q[e]); }
    }
}

// `count` keys or values, which start at column `first`; zero beyond them.
fn stage_keys(first: u32, key_row: u32, count: u32, head: u32, lane: u32) {
    for (var i = lane; i < KEYS * HEAD / 4u; i += LANES) {
        let row = i / (HEAD / 4u);
        let chunk = i % (HEAD / 4u);
        var k = Chunk();
        if row < count && chunk < params.head_width {
            k = Chunk(keys[(key_row + row) * params.key_stride + first + head * params.head_width + chunk]);
        }
        for (var e = 0u; e < 4u; e += 1u) { keys_here[row * STRIDE + 4u * chunk + e] = f16(k[e]); }
    }
}

@compute @workgroup_size(LANES)
fn attention(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
    @builtin(subgroup_id) subgroup: u32,
    @builtin(num_subgroups) all_subgroups: u32,
) {
    if lane == 0u { shared_count = all_subgroups; }
    let subgroups = workgroupUniformLoad(&shared_count);
    let tile = query_tile(workgroup.x);
    let head = workgroup.y;
    let start = starts[tile.text];
    let length = starts[tile.text + 1u] - start;
    let last = tile.position + tile.count - 1u;
    let first = (tile.position - min(tile.position, params.window)) / KEYS * KEYS;
    let end = min(length, last + min(params.window, length) + 1u);
    let query = lane / SHARING;
    let share = lane % SHARING;
    let i = tile.position + min(query, tile.count - 1u);

    stage_queries(tile, head, lane);
    var totals: array<Chunk, OWN>;
    var highest = LOWEST;
    var weights = 0.0; // of the keys that this lane had
    for (var block = first; block < end; block += KEYS) {
        let count = min(KEYS, length - block);
        stage_keys(params.first_key, start + block, count, head, lane);
        workgroupBarrier();
        multiply_keys(count, subgroup, subgroups);
        workgroupBarrier();
        stage_keys(params.first_value, start + block, count, head, lane);

        var scores: array<f32, SCORES>;
        var largest = LOWEST;
        for (var s = 0u; s < SCORES; s += 1u) {
            let j = block + s * SHARING + share;
            scores[s] = LOWEST;
            if j < length && visible(i, j) {
                let product = answers[query * ANSWERS + s * SHARING + share];
                scores[s] = fma(params.scale, product, score_bias(head, i, j));
                largest = max(largest, scores[s]);
            }
        }
        partial[lane] = largest;
        workgroupBarrier();

        var now = highest;
        for (var s = 0u; s < SHARING; s += 1u) { now = max(now, partial[query * SHARING + s]); }
        let shrink = exponential(highest - now);
        highest = now;
        var sum = 0.0;
        for (var s = 0u; s < SCORES; s += 1u) {
            let j = block + s * SHARING + share;
            let weight = select(0.0, exponential(scores[s] - now), j < length && visible(i, j));
            sum += weight;
            weights_here[query * WEIGHTS + s * SHARING + share] = f16(weight);
        }
        weights = fma(weights, shrink, sum);
        workgroupBarrier();
        multiply_values(count, subgroup, subgroups);
        workgroupBarrier();
        for (var c = 0u; c < OWN; c += 1u) {
            let column = 4u * (c * SHARING + share);
            if column < HEAD {
                let place = query * ANSWERS + column;
                let values = Chunk(answers[place], answers[place + 1u], answers[place + 2u], answers[place + 3u]);
                totals[c] = fma(totals[c], Chunk(shrink), values);
            }
        }
    }

    partial[lane] = weights;
    workgroupBarrier();
    var sum = 0.0;
    for (var s = 0u; s < SHARING; s += 1u) { sum += partial[query * SHARING + s]; }
    for (var c = 0u; c < OWN; c += 1u) {
        let chunk = c * SHARING + share;
        if query < tile.count && chunk < params.head_width {
            let place = ((tile.row + query) * params.heads + head) * params.head_width + chunk;
            output[place] = Stored(totals[c] / sum);
        }
    }
}
