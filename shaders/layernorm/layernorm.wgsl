// layernorm: x = input + residual; output = (x - mean(x)) / sqrt(variance(x) + epsilon) * weight + bias, row by row
//
// Two passes: the variance is the mean of squared distances from the mean, which loses no digits to cancellation.
//
// provides: LANES, compute, input_at;
// needs: Chunk, Lane, Stored, VECTOR_WIDTH, bias_at, fold, iterations, load_row, load_row_first, reduce_add, residual_at,
//   resolve, sum

struct Params { rows: u32, columns: u32, epsilon: f32 }
@group(0) @binding(14) var<uniform> params: Params;
@group(0) @binding(0) var<storage, read> input: array<Stored>; // [rows, columns]
@group(0) @binding(1) var<storage, read> weight: array<Chunk>; // [columns]
@group(0) @binding(2) var<storage, read_write> output: array<Stored>; // [rows, columns]

override LANES: u32;

fn input_at(index: u32) -> Chunk { return Chunk(input[index]) + residual_at(index); }

fn compute(workgroup: vec3<u32>, grid: vec3<u32>, lane: Lane) {
    let row = fold(workgroup, grid);
    if row >= resolve(params.rows) { return; }
    let chunks = params.columns / VECTOR_WIDTH;
    let start = row * chunks;
    let columns = f32(params.columns);

    // Nothing is asked before a load, which would then be waited for: a lane without a chunk loads the last, and leaves it out.
    var total = Chunk(0);
    for (var iteration = 0u; iteration < iterations(chunks); iteration += 1u) {
        let chunk = iteration * LANES + lane.index;
        let x = load_row_first(iteration, start + min(chunk, chunks - 1u));
        total += select(Chunk(0), x, chunk < chunks);
    }
    let mean = reduce_add(lane, sum(total)) / columns;

    var squares = Chunk(0);
    for (var iteration = 0u; iteration < iterations(chunks); iteration += 1u) {
        let chunk = iteration * LANES + lane.index;
        let distance = load_row(iteration, start + min(chunk, chunks - 1u)) - mean;
        squares = fma(distance, select(Chunk(0), distance, chunk < chunks), squares);
    }
    let variance = reduce_add(lane, sum(squares)) / columns;

    let scale = 1.0 / sqrt(variance + params.epsilon);
    for (var iteration = 0u; iteration < iterations(chunks); iteration += 1u) {
        let chunk = iteration * LANES + lane.index;
        let own = min(chunk, chunks - 1u);
        let normal = (load_row(iteration, start + own) - mean) * scale;
        let scaled = fma(normal, weight[own], bias_at(own));
        if chunk < chunks { output[start + chunk] = Stored(scaled); }
    }
}
