// The two parts of an accumulator are added up by the epilogue: Metal has no sum of simdgroup matrices.
//
// provides: load_epilogue, store_matrix;
// needs: Accumulator, EDGE, INPUT_SCALE, LDS_WIDTH, LO_SCALE, LdsF32, SLOTS, lds_f32

var<workgroup> epilogue_lds: array<LdsF32, SLOTS * EDGE * EDGE / LDS_WIDTH>;
var<workgroup> epilogue_lds_lo: array<LdsF32, SLOTS * EDGE * EDGE / LDS_WIDTH>;

fn store_matrix(acc: Accumulator, slot: u32) {
    let hi = acc.hi;
    let lo = acc.lo;
    coopStoreT(hi, &epilogue_lds[slot * EDGE * EDGE / LDS_WIDTH], EDGE / LDS_WIDTH);
    coopStoreT(lo, &epilogue_lds_lo[slot * EDGE * EDGE / LDS_WIDTH], EDGE / LDS_WIDTH);
}

fn load_epilogue(slot: u32, place: u32) -> vec4<f32> {
    var hi: vec4<f32>;
    var lo: vec4<f32>;
    for (var i = 0u; i < 4u / LDS_WIDTH; i += 1u) {
        hi = lds_f32(hi, i, epilogue_lds[(slot * EDGE * EDGE + place) / LDS_WIDTH + i]);
        lo = lds_f32(lo, i, epilogue_lds_lo[(slot * EDGE * EDGE + place) / LDS_WIDTH + i]);
    }
    return INPUT_SCALE * fma(lo, vec4<f32>(1.0 / LO_SCALE), hi);
}
