// Only the first token of a text is a query: each of 64 lanes has the score of one key, then a chunk of the values.
//
// The sums take the steps of flash_tile.wgsl, whose blocks of keys are half as many: the output has the bits that it has where
// all tokens are queries.
//
// provides: attention;
// needs: Chunk, LOWEST, QueryTile, Stored, VECTOR_WIDTH, cu_seqlens, element, exponential, key_chunk, output, params,
//   query_chunk, query_tile, score_bias, value_chunk, visible

const LANES: u32 = 64u;
const KEYS: u32 = 32u;
const VEC4S: u32 = KEYS / 4u;

var<workgroup> score_lds: array<f32, LANES>;
var<workgroup> p_lds: array<f32, LANES>;
var<workgroup> partial: array<f32, LANES / 4u>; // of each four keys

fn score_of(tile: QueryTile, head: u32, key_row: u32, j: u32) -> f32 {
    var product = 0.0;
    for (var c = 0u; c < params.head_width; c += 1u) {
        let q = query_chunk(tile.row, head, c);
        let k = key_chunk(key_row, head, c);
        for (var e = 0u; e < VECTOR_WIDTH; e += 1u) { product = fma(element(q, e), element(k, e), product); }
    }
    return fma(params.scale, product, score_bias(head, tile.position, j));
}

// The row_sum of four keys and the accumulator of a chunk of the values, over all blocks so far.
struct Sums { row_sum: f32, acc: Chunk }

fn add_block(before: Sums, rescale: f32, place: u32, key_row: u32, count: u32, head: u32, lane: u32) -> Sums {
    var sums = Sums(before.row_sum, before.acc * rescale);
    if lane < VEC4S {
        let four = place + 4u * lane;
        let own = (p_lds[four] + p_lds[four + 1u]) + (p_lds[four + 2u] + p_lds[four + 3u]);
        sums.row_sum = fma(before.row_sum, rescale, own);
    }
    if lane < params.head_width {
        for (var j = 0u; j < count; j += 1u) {
            sums.acc = fma(Chunk(p_lds[place + j]), value_chunk(key_row + j, head, lane), sums.acc);
        }
    }
    return sums;
}

@compute @workgroup_size(LANES)
fn attention(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let tile = query_tile(workgroup.x);
    let head = workgroup.y;
    let start = cu_seqlens[tile.text];
    let length = cu_seqlens[tile.text + 1u] - start;
    let end = min(length, tile.position + min(params.window, length) + 1u);

    var sums = Sums();
    var row_max = LOWEST;
    for (var block = 0u; block < end; block += LANES) {
        let j = block + lane;
        let in_sight = j < length && visible(tile.position, j);
        var score = LOWEST;
        if in_sight { score = score_of(tile, head, start + j, j); }
        score_lds[lane] = score;
        workgroupBarrier();
        if lane < LANES / 4u {
            let four = 4u * lane;
            let first_two = max(score_lds[four], score_lds[four + 1u]);
            partial[lane] = max(first_two, max(score_lds[four + 2u], score_lds[four + 3u]));
        }
        workgroupBarrier();
        var first = row_max;
        for (var four = 0u; four < VEC4S; four += 1u) { first = max(first, partial[four]); }
        var second = first;
        for (var four = VEC4S; four < 2u * VEC4S; four += 1u) { second = max(second, partial[four]); }
        p_lds[lane] = select(0.0, exponential(score - select(second, first, lane < KEYS)), in_sight);
        workgroupBarrier();

        let row = start + block;
        sums = add_block(sums, exponential(row_max - first), 0u, row, min(KEYS, length - block), head, lane);
        if block + KEYS < end {
            let count = min(KEYS, length - block - KEYS);
            sums = add_block(sums, exponential(first - second), KEYS, row + KEYS, count, head, lane);
        }
        row_max = second;
    }

    if lane < VEC4S { partial[lane] = sums.row_sum; }
    workgroupBarrier();
    var sum = 0.0;
    for (var four = 0u; four < VEC4S; four += 1u) { sum += partial[four]; }
    if lane < params.head_width {
        output[(tile.row * params.heads + head) * params.head_width + lane] = Stored(sums.acc / sum);
    }
}
