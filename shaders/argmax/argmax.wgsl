// argmax: index[row] = the first column of the largest value of the row
//
// A row with a NaN has no largest element: its index is NONE.
//
// provides: LANES, compute;
// needs: Lane, first_column, fold, is_nan, next_column, own_row, reduce_max, reduce_min_index, resolve

struct Params { rows: u32, columns: u32 }
@group(0) @binding(14) var<uniform> params: Params;
@group(0) @binding(0) var<storage, read> input: array<f32>; // [rows, columns]
@group(0) @binding(1) var<storage, read_write> index: array<u32>; // [rows]

override LANES: u32;
const NONE: u32 = 0xffffffffu;

fn compute(workgroup: vec3<u32>, grid: vec3<u32>, lane: Lane) {
    let row = own_row(fold(workgroup, grid), lane);
    if row >= resolve(params.rows) { return; }
    let start = row * params.columns;

    // A lane without columns may hold any element of the row; its `first` stays NONE.
    var largest = input[start];
    var first = NONE;
    var invalid = NONE;
    for (var column = first_column(lane); column < params.columns; column = next_column(column)) {
        let candidate = input[start + column];
        if is_nan(candidate) { invalid = min(invalid, column); }
        if first == NONE || candidate > largest {
            largest = candidate;
            first = column;
        }
    }
    invalid = reduce_min_index(lane, invalid);
    let winner = reduce_max(lane, largest);
    first = reduce_min_index(lane, select(NONE, first, largest == winner));

    if first_column(lane) == 0u {
        index[row] = select(NONE, first, invalid == NONE);
    }
}
