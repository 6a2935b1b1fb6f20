// A workgroup owns 32 queries of a head and meets the keys 64 at a time (FlashAttention-2, Dao 2023): both products on matrix
// units, f16 in and f32 out, and between them the softmax in f32. Outside of the matrices four lanes share a query.
//
// What the tensor cores compute passes through workgroup memory: WGSL has no way to the elements of a matrix. Blocks of keys
// are counted from the text's first, and one that a query does not see adds zeros to its sums.
//
// provides: HEAD, HEAD_STRIDE, PRODUCT_STRIDE, P_STRIDE, ROWS, attention, key_lds, p_lds, product_lds, query_lds;
// needs: CHUNKS, Chunk, EDGE, LOWEST, QueryTile, Stored, cu_seqlens, exponential, keys, multiply_keys, multiply_values,
//   output, params, query_chunk, query_tile, score_bias, visible

override HEAD: u32; // columns of a head, rounded up to whole matrices
override HEAD_STRIDE: u32 = HEAD + 8u; // rows below each other lie in different banks, and start at whole 16 bytes
override PRODUCT_STRIDE: u32 = max(HEAD, KEYS) + 4u;

const LANES: u32 = 128u;
const ROWS: u32 = 32u;
const KEYS: u32 = 64u;
const SHARING: u32 = LANES / ROWS;
const SCORES: u32 = KEYS / SHARING; // of a lane
const OWN_CHUNKS: u32 = CHUNKS / SHARING; // chunks of a query's values that a lane has
const P_STRIDE: u32 = KEYS + 8u;

var<workgroup> query_lds: array<f16, ROWS * HEAD_STRIDE>; // [ROWS, HEAD_STRIDE]
var<workgroup> key_lds: array<f16, KEYS * HEAD_STRIDE>; // [KEYS, HEAD_STRIDE]: keys, then values
var<workgroup> p_lds: array<f16, ROWS * P_STRIDE>; // [ROWS, P_STRIDE]
// [ROWS, PRODUCT_STRIDE]: q . k, then p . v; and a matrix that nobody reads
var<workgroup> product_lds: array<f32, ROWS * PRODUCT_STRIDE + EDGE * EDGE>;
var<workgroup> partial: array<f32, LANES>;
var<workgroup> subgroup_count: u32; // what is loaded from here is uniform

fn stage_queries(tile: QueryTile, head: u32, lane: u32) {
    for (var i = lane; i < ROWS * HEAD / 4u; i += LANES) {
        let row = i / (HEAD / 4u);
        let chunk = i % (HEAD / 4u);
        var q = Chunk(0);
        if row < tile.count && chunk < params.head_width { q = query_chunk(tile.row + row, head, chunk); }
        for (var e = 0u; e < 4u; e += 1u) { query_lds[row * HEAD_STRIDE + 4u * chunk + e] = f16(q[e]); }
    }
}

// `count` keys or values, which start at column `first`; zero beyond them.
fn stage_keys(first: u32, key_row: u32, count: u32, head: u32, lane: u32) {
    for (var i = lane; i < KEYS * HEAD / 4u; i += LANES) {
        let row = i / (HEAD / 4u);
        let chunk = i % (HEAD / 4u);
        var k = Chunk(0);
        if row < count && chunk < params.head_width {
            k = Chunk(keys[(key_row + row) * params.key_stride + first + head * params.head_width + chunk]);
        }
        for (var e = 0u; e < 4u; e += 1u) { key_lds[row * HEAD_STRIDE + 4u * chunk + e] = f16(k[e]); }
    }
}

@compute @workgroup_size(LANES)
fn attention(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
    @builtin(subgroup_id) subgroup: u32,
    @builtin(num_subgroups) all_subgroups: u32,
) {
    if lane == 0u { subgroup_count = all_subgroups; }
    let subgroups = workgroupUniformLoad(&subgroup_count);
    let tile = query_tile(workgroup.x);
    let head = workgroup.y;
    let start = cu_seqlens[tile.text];
    let length = cu_seqlens[tile.text + 1u] - start;
    let last = tile.position + tile.count - 1u;
    let first = (tile.position - min(tile.position, params.window)) / KEYS * KEYS;
    let end = min(length, last + min(params.window, length) + 1u);
    let query = lane / SHARING;
    let share = lane % SHARING;
    let i = tile.position + min(query, tile.count - 1u);

    stage_queries(tile, head, lane);
    var acc: array<Chunk, OWN_CHUNKS>;
    var row_max = LOWEST;
    var row_sum = 0.0; // of the keys that this lane had
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
                let product = product_lds[query * PRODUCT_STRIDE + s * SHARING + share];
                scores[s] = fma(params.scale, product, score_bias(head, i, j));
                largest = max(largest, scores[s]);
            }
        }
        partial[lane] = largest;
        workgroupBarrier();

        var now = row_max;
        for (var s = 0u; s < SHARING; s += 1u) { now = max(now, partial[query * SHARING + s]); }
        let rescale = exponential(row_max - now);
        row_max = now;
        var sum = 0.0;
        for (var s = 0u; s < SCORES; s += 1u) {
            let j = block + s * SHARING + share;
            let p = select(0.0, exponential(scores[s] - now), j < length && visible(i, j));
            sum += p;
            p_lds[query * P_STRIDE + s * SHARING + share] = f16(p);
        }
        row_sum = fma(row_sum, rescale, sum);
        workgroupBarrier();
        multiply_values(count, subgroup, subgroups);
        workgroupBarrier();
        for (var c = 0u; c < OWN_CHUNKS; c += 1u) {
            let column = 4u * (c * SHARING + share);
            if column < HEAD {
                let place = query * PRODUCT_STRIDE + column;
                let low = vec2<f32>(product_lds[place], product_lds[place + 1u]);
                let product = Chunk(low, product_lds[place + 2u], product_lds[place + 3u]);
                acc[c] = fma(acc[c], Chunk(rescale), product);
            }
        }
    }

    partial[lane] = row_sum;
    workgroupBarrier();
    var sum = 0.0;
    for (var s = 0u; s < SHARING; s += 1u) { sum += partial[query * SHARING + s]; }
    for (var c = 0u; c < OWN_CHUNKS; c += 1u) {
        let chunk = c * SHARING + share;
        if query < tile.count && chunk < params.head_width {
            let place = ((tile.row + query) * params.heads + head) * params.head_width + chunk;
            output[place] = Stored(acc[c] / sum);
        }
    }
}
