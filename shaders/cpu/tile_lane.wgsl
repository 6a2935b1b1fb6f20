// ROWS x 1 outputs a workgroup, one a lane. This is for software adapters, where a larger tile would compute mostly what a
// classifier of few columns does not have.
//
// provides: Input, matmul;
// needs: COLUMNS, ROWS, Stored, Weight, addends, epilogue, input, params, resolve, unpack, weight_index, weight_place

alias Input = Stored;
@group(0) @binding(1) var<storage, read> weight: array<Weight>; // [inner, weight_columns]

const_assert COLUMNS == 1u;

@compute @workgroup_size(ROWS)
fn matmul(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let row = workgroup.y * ROWS + lane;
    if row >= resolve(params.rows) { return; }
    var acc = 0.0;
    for (var block = 0u; block < params.inner; block += 4u) {
        var partial = 0.0; // of four k
        for (var k = block; k < min(block + 4u, params.inner); k += 1u) {
            let place = weight_place(k, params.first + workgroup.x);
            let w = f32(unpack(weight[weight_index(place)], place));
            partial = fma(f32(input[row * params.inner + k]), w, partial);
        }
        acc += partial;
    }
    epilogue(row, workgroup.x, acc, addends(row, workgroup.x));
}
