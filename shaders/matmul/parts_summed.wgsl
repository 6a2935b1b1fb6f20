// The two parts of an accumulator are added up as matrices, on their way to the epilogue.
//
// provides: load_epilogue, store_matrix;
// needs: Accumulator, EDGE, INPUT_SCALE, LDS_WIDTH, LO_SCALE, LdsF32, SLOTS, lds_f32

var<workgroup> epilogue_lds: array<LdsF32, SLOTS * EDGE * EDGE / LDS_WIDTH>;

fn store_matrix(acc: Accumulator, slot: u32) {
    let sum = acc.hi * INPUT_SCALE + acc.lo * (INPUT_SCALE / LO_SCALE);
    coopStoreT(sum, &epilogue_lds[slot * EDGE * EDGE / LDS_WIDTH], EDGE / LDS_WIDTH);
}

fn load_epilogue(slot: u32, place: u32) -> vec4<f32> {
    var sum: vec4<f32>;
    for (var i = 0u; i < 4u / LDS_WIDTH; i += 1u) {
        sum = lds_f32(sum, i, epilogue_lds[(slot * EDGE * EDGE + place) / LDS_WIDTH + i]);
    }
    return sum;
}
