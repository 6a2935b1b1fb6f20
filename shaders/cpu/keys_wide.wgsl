// Keys and values are read eight columns at a time.
//
// provides: load_key8, load_value8; needs: Vec8, Wide, params, vec8

@group(0) @binding(1) var<storage, read> keys: array<Wide>; // [tokens, key_stride / 2]: keys and values

fn load8(row: u32, first: u32, head: u32, index: u32) -> Vec8 {
    return vec8(keys[(row * params.key_stride + first + head * params.head_width) / 2u + index]);
}

fn load_key8(row: u32, head: u32, index: u32) -> Vec8 { return load8(row, params.first_key, head, index); }
fn load_value8(row: u32, head: u32, index: u32) -> Vec8 { return load8(row, params.first_value, head, index); }
