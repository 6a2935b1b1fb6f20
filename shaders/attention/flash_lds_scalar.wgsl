// Workgroup memory in numbers, as Metal wants the pointers to be that matrices are loaded from.
//
// Places and strides are counted in fours.
//
// provides: get_numbers, load_a, load_b, load_c, put_halves, put_numbers, store_c;
// needs: HALVES, MatrixA, MatrixB, MatrixC, NUMBERS

var<workgroup> half_lds: array<f16, 4u * HALVES>;
var<workgroup> number_lds: array<f32, 4u * NUMBERS>;

fn put_halves(place: u32, value: vec4<f16>) {
    for (var e = 0u; e < 4u; e += 1u) { half_lds[4u * place + e] = value[e]; }
}

fn put_numbers(place: u32, value: vec4<f32>) {
    for (var e = 0u; e < 4u; e += 1u) { number_lds[4u * place + e] = value[e]; }
}

fn get_numbers(place: u32) -> vec4<f32> {
    let first = 4u * place;
    return vec4<f32>(number_lds[first], number_lds[first + 1u], number_lds[first + 2u], number_lds[first + 3u]);
}

// Rows of a matrix lie below each other in A and C, its columns in B.
fn load_a(place: u32, stride: u32) -> MatrixA { return coopLoadT<MatrixA>(&half_lds[4u * place], 4u * stride); }
fn load_b(place: u32, stride: u32) -> MatrixB { return coopLoad<MatrixB>(&half_lds[4u * place], 4u * stride); }
fn load_c(place: u32, stride: u32) -> MatrixC { return coopLoadT<MatrixC>(&number_lds[4u * place], 4u * stride); }

fn store_c(matrix: MatrixC, place: u32, stride: u32) {
    // naga 30 wants operands that have a name.
    let first = 4u * place;
    let numbers = 4u * stride;
    coopStoreT(matrix, &number_lds[first], numbers);
}
