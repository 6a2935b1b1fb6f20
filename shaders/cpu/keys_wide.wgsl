// Keys and values, two chunks of four at a time.

@group(0) @binding(1) var<storage, read> keys: array<Wide>; // [tokens, key_stride / 2]: keys and values

fn pair_at(row: u32, first: u32, head: u32, index: u32) -> Pair {
    return pair(keys[(row * params.key_stride + first + head * params.head_width) / 2u + index]);
}

fn key_pair(row: u32, head: u32, index: u32) -> Pair { return pair_at(row, params.first_key, head, index); }
fn value_pair(row: u32, head: u32, index: u32) -> Pair { return pair_at(row, params.first_value, head, index); }
