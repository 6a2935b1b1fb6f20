// Adds q_i . table[i - j + middle] and, where KEYS, k_j . table[i - j + middle]: one vector a distance, all heads alike.

@group(0) @binding(5) var<storage, read> distances: array<Stored>; // [2 max_length - 1, head_width]
override KEYS: bool;

fn score_term(head: u32, query_row: u32, key_row: u32, i: u32, j: u32) -> f32 {
    let row = (i + params.max_length - 1u - j) * params.head_width;
    var total = Chunk();
    for (var chunk = 0u; chunk < params.head_width; chunk += 1u) {
        let distance = Chunk(distances[row + chunk]);
        total = fma(query_chunk(query_row, head, chunk), distance, total);
        if KEYS { total = fma(key_chunk(key_row, head, chunk), distance, total); }
    }
    return sum(total);
}
