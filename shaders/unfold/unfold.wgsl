// unfold: output[t][c * taps + k] = input[t + k - taps / 2][c], zero beyond the text: a convolution's sums as a matmul
//
// provides: unfold; needs: Element, batch, fold

struct Params { columns: u32, taps: u32 }
@group(0) @binding(14) var<uniform> params: Params;
@group(0) @binding(0) var<storage, read> input: array<Element>; // [tokens, columns]
@group(0) @binding(1) var<storage, read> tokens: array<vec4<u32>>; // [tokens] of (id, type, position, text)
@group(0) @binding(2) var<storage, read> cu_seqlens: array<u32>; // [texts + 1]
@group(0) @binding(3) var<storage, read_write> output: array<Element>; // [tokens, columns * taps]

override LANES: u32;

@compute @workgroup_size(LANES)
fn unfold(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) grid: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let row = fold(workgroup, grid);
    if row >= batch.tokens { return; }
    let text = tokens[row].w;
    let start = cu_seqlens[text] + params.taps / 2u; // compared with row + tap, so that nothing goes below zero
    let end = cu_seqlens[text + 1u] + params.taps / 2u;
    let width = params.columns * params.taps;
    for (var place = lane; place < width; place += LANES) {
        let source = row + place % params.taps;
        var value = 0.0;
        if source >= start && source < end {
            value = f32(input[(source - params.taps / 2u) * params.columns + place / params.taps]);
        }
        output[row * width + place] = Element(value);
    }
}
