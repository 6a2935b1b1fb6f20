// ROWS x 64 outputs a workgroup, ROWS being 8, 16 or 32, which is one subgroup of 8 lanes: a lane holds eight consecutive columns of all rows.
//
// For adapters that run a subgroup as one CPU vector (Mesa's llvmpipe). Inputs come 4 k of 8 rows at a time and reach
// the lanes by broadcasts; nothing waits.

@group(0) @binding(1) var<storage, read> weight: array<Wide>; // [panels, inner, LANES]

const LANES: u32 = 8u;
const EIGHTS: u32 = ROWS / 8u;
const_assert COLUMNS == LANES * 8u;
// A lane's totals, which no other lane reads, for the loop at the end. It indexes them by a variable, of which a compiler
// makes memory in any case, but of a local array slowly: two to six times the time for the whole kernel.
var<workgroup> kept: array<array<Rows8, LANES>, EIGHTS>;
alias Rows8 = array<Pair, 8>;

fn add8(x: vec4<f32>, low: mat4x4<f32>, high: mat4x4<f32>, total: Pair) -> Pair {
    return Pair(add4(x, low, total.low), add4(x, high, total.high));
}

// Eight rows, of which lane i has row i's four k.
fn add_eight(x: vec4<f32>, low: mat4x4<f32>, high: mat4x4<f32>, totals: Rows8) -> Rows8 {
    return Rows8(
        add8(subgroupBroadcast(x, 0u), low, high, totals[0]),
        add8(subgroupBroadcast(x, 1u), low, high, totals[1]),
        add8(subgroupBroadcast(x, 2u), low, high, totals[2]),
        add8(subgroupBroadcast(x, 3u), low, high, totals[3]),
        add8(subgroupBroadcast(x, 4u), low, high, totals[4]),
        add8(subgroupBroadcast(x, 5u), low, high, totals[5]),
        add8(subgroupBroadcast(x, 6u), low, high, totals[6]),
        add8(subgroupBroadcast(x, 7u), low, high, totals[7]),
    );
}

// The totals of 8 to 32 rows, for which a weight is loaded once. A loop over them would keep them in memory.
alias Totals = array<Rows8, 4>;

fn add_rows(x: array<u32, 4>, k: u32, low: mat4x4<f32>, high: mat4x4<f32>, totals: Totals) -> Totals {
    var sum = totals;
    sum[0] = add_eight(Chunk(input[x[0] + k]), low, high, totals[0]);
    if 1u < EIGHTS { sum[1] = add_eight(Chunk(input[x[1] + k]), low, high, totals[1]); }
    if 2u < EIGHTS {
        sum[2] = add_eight(Chunk(input[x[2] + k]), low, high, totals[2]);
        sum[3] = add_eight(Chunk(input[x[3] + k]), low, high, totals[3]);
    }
    return sum;
}

fn keep(lane: u32, totals: Totals) {
    kept[0][lane] = totals[0];
    if 1u < EIGHTS { kept[min(1u, EIGHTS - 1u)][lane] = totals[1]; }
    if 2u < EIGHTS {
        kept[min(2u, EIGHTS - 1u)][lane] = totals[2];
        kept[min(3u, EIGHTS - 1u)][lane] = totals[3];
    }
}

@compute @workgroup_size(LANES)
fn matmul(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
    let rows = resolve(params.rows);
    let first_row = workgroup.y * ROWS;
    let own_columns = workgroup.x * LANES + lane;
    // Lanes and rows beyond the edge repeat the last: every lane must take part in the broadcasts.
    let inner = params.inner / WIDTH;
    var x: array<u32, 4>;
    for (var i = 0u; i < EIGHTS; i += 1u) { x[i] = min(first_row + i * 8u + lane, rows - 1u) * inner; }
    let column = params.first + min(own_columns * 8u, params.columns - 8u);
    let stride = panel_width(column) / 8u;
    var place = weight_place(0u, column) / 8u;

    var totals: Totals;
    for (var k = 0u; k < inner; k += 1u) {
        let w0 = pair(weight[place]);
        let w1 = pair(weight[place + stride]);
        let w2 = pair(weight[place + 2u * stride]);
        let w3 = pair(weight[place + 3u * stride]);
        let low = mat4x4<f32>(w0.low, w1.low, w2.low, w3.low);
        let high = mat4x4<f32>(w0.high, w1.high, w2.high, w3.high);
        totals = add_rows(x, k, low, high, totals);
        place += 4u * stride;
    }

    keep(lane, totals);
    if own_columns >= params.columns / 8u { return; }
    for (var i = 0u; i < min(ROWS, rows - first_row); i += 1u) {
        let answer = kept[i / 8u][lane][i % 8u];
        finish(first_row + i, 2u * own_columns, answer.low);
        finish(first_row + i, 2u * own_columns + 1u, answer.high);
    }
}
