// 16 x 64 outputs a workgroup, which is one subgroup of 8 lanes: a lane holds eight consecutive columns of 16 rows.
//
// For adapters that run a subgroup as one CPU vector (Mesa's llvmpipe). There a load is a loop over the lanes that costs
// much the same whatever its width, hence 64-bit elements: the widest load that WGSL can express is eight columns. Inputs
// come 4 k of 8 rows at a time and reach the lanes by broadcasts; nothing passes through memory, nothing waits.

@group(0) @binding(1) var<storage, read> weight: array<vec4<u64>>; // [inner, weight_columns / 8] of eight f32 each

const LANES: u32 = 8u;
const ROWS: u32 = 16u;

// Eight consecutive columns: 0, 2, 4, 6 and 1, 3, 5, 7.
struct Eight { even: vec4<f32>, odd: vec4<f32> }

fn even(columns: vec4<u64>) -> vec4<f32> { return bitcast<vec4<f32>>(vec4<u32>(columns)); }
fn odd(columns: vec4<u64>) -> vec4<f32> { return bitcast<vec4<f32>>(vec4<u32>(columns >> vec4<u32>(32u))); }

// Four k of one row: columns of the matrix are k, in order.
fn add4(x: vec4<f32>, weights: mat4x4<f32>, total: vec4<f32>) -> vec4<f32> {
    return fma(x.wwww, weights[3], fma(x.zzzz, weights[2], fma(x.yyyy, weights[1], fma(x.xxxx, weights[0], total))));
}

fn add8(x: vec4<f32>, evens: mat4x4<f32>, odds: mat4x4<f32>, total: Eight) -> Eight {
    return Eight(add4(x, evens, total.even), add4(x, odds, total.odd));
}

// Eight rows, of which lane i has row i's four k.
fn add_rows(x: vec4<f32>, evens: mat4x4<f32>, odds: mat4x4<f32>, totals: ptr<function, array<Eight, 8>>) {
    (*totals)[0] = add8(subgroupBroadcast(x, 0u), evens, odds, (*totals)[0]);
    (*totals)[1] = add8(subgroupBroadcast(x, 1u), evens, odds, (*totals)[1]);
    (*totals)[2] = add8(subgroupBroadcast(x, 2u), evens, odds, (*totals)[2]);
    (*totals)[3] = add8(subgroupBroadcast(x, 3u), evens, odds, (*totals)[3]);
    (*totals)[4] = add8(subgroupBroadcast(x, 4u), evens, odds, (*totals)[4]);
    (*totals)[5] = add8(subgroupBroadcast(x, 5u), evens, odds, (*totals)[5]);
    (*totals)[6] = add8(subgroupBroadcast(x, 6u), evens, odds, (*totals)[6]);
    (*totals)[7] = add8(subgroupBroadcast(x, 7u), evens, odds, (*totals)[7]);
}

@compute @workgroup_size(LANES)
fn matmul(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
    let rows = resolve(params.rows);
    let first_row = workgroup.y * ROWS;
    let own_columns = workgroup.x * LANES + lane;
    // Lanes and rows beyond the edge repeat the last: every lane must take part in the broadcasts.
    let inner = params.inner / WIDTH;
    let stride = params.weight_columns / 8u;
    var upper_x = min(first_row + lane, rows - 1u) * inner;
    var lower_x = min(first_row + LANES + lane, rows - 1u) * inner;
    var place = params.first / 8u + min(own_columns, params.columns / 8u - 1u);

    var upper: array<Eight, 8>;
    var lower: array<Eight, 8>;
    for (var k = 0u; k < inner; k += 1u) {
        let w0 = weight[place];
        let w1 = weight[place + stride];
        let w2 = weight[place + 2u * stride];
        let w3 = weight[place + 3u * stride];
        let evens = mat4x4<f32>(even(w0), even(w1), even(w2), even(w3));
        let odds = mat4x4<f32>(odd(w0), odd(w1), odd(w2), odd(w3));
        add_rows(input[upper_x + k], evens, odds, &upper);
        add_rows(input[lower_x + k], evens, odds, &lower);
        place += 4u * stride;
    }

    // A copy, because only this loop indexes by a variable, which would keep the totals out of registers.
    var totals: array<Eight, ROWS>;
    for (var i = 0u; i < 8u; i += 1u) {
        totals[i] = upper[i];
        totals[i + 8u] = lower[i];
    }
    if own_columns >= params.columns / 8u { return; }
    for (var i = 0u; i < min(ROWS, rows - first_row); i += 1u) {
        let total = totals[i];
        finish(first_row + i, 2u * own_columns, vec4<f32>(total.even.x, total.odd.x, total.even.y, total.odd.y));
        finish(first_row + i, 2u * own_columns + 1u, vec4<f32>(total.even.z, total.odd.z, total.even.w, total.odd.w));
    }
}
