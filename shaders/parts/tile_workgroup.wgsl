// 64 x 64 outputs a workgroup of 256 lanes, 4 x 4 a lane; blocks of 16 along k pass through workgroup memory.

@group(0) @binding(1) var<storage, read> weight: array<Stored>; // [inner, weight_columns]

const LANES: u32 = 256u;
const TILE: u32 = 64u;
const DEPTH: u32 = 16u;

var<workgroup> input_tile: array<f32, 1024>; // [DEPTH, TILE]
var<workgroup> weight_tile: array<vec4<f32>, 256>; // [DEPTH, TILE / 4]

@compute @workgroup_size(LANES)
fn matmul(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let rows = resolve(params.rows);
    let first_row = workgroup.y * TILE;
    let first_column = workgroup.x * TILE;
    let own_row = lane / 16u * 4u;
    let own_column = lane % 16u;
    let load_row = first_row + lane / 4u;
    let load_k = lane % 4u * 4u;
    let load_column = first_column + lane % 16u * 4u;

    var totals: array<vec4<f32>, 4>;
    for (var block = 0u; block < params.inner; block += DEPTH) {
        for (var i = 0u; i < 4u; i += 1u) {
            let k = block + load_k + i;
            var value = 0.0;
            if load_row < rows && k < params.inner { value = f32(input[load_row * params.inner + k]); }
            input_tile[(load_k + i) * TILE + lane / 4u] = value;
        }
        let k = block + lane / 16u;
        var values = vec4<f32>();
        if k < params.inner {
            let index = k * params.weight_columns + params.first + load_column;
            for (var i = 0u; i < 4u; i += 1u) {
                if load_column + i < params.columns { values[i] = f32(weight[index + i]); }
            }
        }
        weight_tile[lane] = values;
        workgroupBarrier();
        // The last block stops at the last k: a zero added beyond it could turn -0 into 0.
        let depth = min(DEPTH, params.inner - block);
        for (var four = 0u; four < depth; four += 4u) {
            var sums: array<vec4<f32>, 4>;
            for (var d = four; d < min(four + 4u, depth); d += 1u) {
                let columns = weight_tile[d * 16u + own_column];
                for (var i = 0u; i < 4u; i += 1u) {
                    sums[i] = fma(vec4<f32>(input_tile[d * TILE + own_row + i]), columns, sums[i]);
                }
            }
            for (var i = 0u; i < 4u; i += 1u) { totals[i] += sums[i]; }
        }
        workgroupBarrier();
    }

    for (var i = 0u; i < 4u; i += 1u) {
        for (var j = 0u; j < 4u; j += 1u) {
            let row = first_row + own_row + i;
            let column = first_column + own_column * 4u + j;
            if row < rows && column < params.columns { finish(row, column, totals[i][j]); }
        }
    }
}
