// roof_matrix: output = the sum of 4 chains of acc = left . right + acc, each of 4 * rounds links
//
// The adapter's fastest products on tensor cores: nothing is loaded after the start. A workgroup is one subgroup.
//
// provides: roof_matrix; needs: EDGE, MatrixA, MatrixB, MatrixC

struct Params { rounds: u32, left: f32, right: f32 }
@group(0) @binding(14) var<uniform> params: Params;
@group(0) @binding(0) var<storage, read_write> output: array<f32>; // [workgroups, EDGE, EDGE]

override LANES: u32;

const ELEMENTS: u32 = EDGE * EDGE;
var<workgroup> left_tile: array<f16, ELEMENTS>;
var<workgroup> right_tile: array<f16, ELEMENTS>;
var<workgroup> lds: array<f32, ELEMENTS>;

@compute @workgroup_size(LANES)
fn roof_matrix(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    for (var i = lane; i < ELEMENTS; i += LANES) {
        left_tile[i] = f16(params.left);
        right_tile[i] = f16(params.right);
    }
    workgroupBarrier();
    let left = coopLoadT<MatrixA>(&left_tile[0], EDGE);
    let right = coopLoadT<MatrixB>(&right_tile[0], EDGE);
    var a = MatrixC();
    var b = MatrixC();
    var c = MatrixC();
    var d = MatrixC();
    for (var round = 0u; round < params.rounds; round += 1u) {
        a = coopMultiplyAdd(left, right, a); b = coopMultiplyAdd(left, right, b);
        c = coopMultiplyAdd(left, right, c); d = coopMultiplyAdd(left, right, d);
        a = coopMultiplyAdd(left, right, a); b = coopMultiplyAdd(left, right, b);
        c = coopMultiplyAdd(left, right, c); d = coopMultiplyAdd(left, right, d);
        a = coopMultiplyAdd(left, right, a); b = coopMultiplyAdd(left, right, b);
        c = coopMultiplyAdd(left, right, c); d = coopMultiplyAdd(left, right, d);
        a = coopMultiplyAdd(left, right, a); b = coopMultiplyAdd(left, right, b);
        c = coopMultiplyAdd(left, right, c); d = coopMultiplyAdd(left, right, d);
    }
    let acc = a + b + c + d;
    coopStoreT(acc, &lds[0], EDGE);
    workgroupBarrier();
    for (var i = lane; i < ELEMENTS; i += LANES) { output[workgroup.x * ELEMENTS + i] = lds[i]; }
}
