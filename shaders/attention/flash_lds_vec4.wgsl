// Workgroup memory in vectors of four, of which matrices are loaded too: no lane reads or writes two bytes at a time.
//
// Places and strides are counted in fours.
//
// provides: get_numbers, load_a, load_b, load_c, put_halves, put_numbers, store_c;
// needs: HALVES, MatrixA, MatrixB, MatrixC, NUMBERS

var<workgroup> half_lds: array<vec4<f16>, HALVES>;
var<workgroup> number_lds: array<vec4<f32>, NUMBERS>;

fn put_halves(place: u32, value: vec4<f16>) { half_lds[place] = value; }
fn put_numbers(place: u32, value: vec4<f32>) { number_lds[place] = value; }
fn get_numbers(place: u32) -> vec4<f32> { return number_lds[place]; }

// Rows of a matrix lie below each other in A and C, its columns in B.
fn load_a(place: u32, stride: u32) -> MatrixA { return coopLoadT<MatrixA>(&half_lds[place], stride); }
fn load_b(place: u32, stride: u32) -> MatrixB { return coopLoad<MatrixB>(&half_lds[place], stride); }
fn load_c(place: u32, stride: u32) -> MatrixC { return coopLoadT<MatrixC>(&number_lds[place], stride); }
fn store_c(matrix: MatrixC, place: u32, stride: u32) { coopStoreT(matrix, &number_lds[place], stride); }
