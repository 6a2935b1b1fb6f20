// 64 x 64 outputs a workgroup of at least four subgroups; each of the first four multiplies matrices of a quarter of them.
// Blocks of 32 along k pass through workgroup memory as f16, zero beyond the edges.
//
// A row's sums take the same steps whatever rows are beside it. They are not those of the other tiles.

@group(0) @binding(1) var<storage, read> weight: array<Stored>; // [inner, weight_columns]

override LANES: u32;
override ANSWERS: u32; // elements of a matrix for each subgroup of the workgroup

const TILE: u32 = 64u;
const DEPTH: u32 = 32u;
const QUARTER: u32 = 32u; // its rows and columns
const SIDE: u32 = QUARTER / EDGE; // matrices along a side of the quarter
const MATRICES: u32 = SIDE * SIDE;
// Rows start 8 elements further than they must, so that those below each other lie in different banks; 16 bytes are what
// loads of matrices want to be aligned to.
const INPUT_STRIDE: u32 = DEPTH + 8u;
const WEIGHT_STRIDE: u32 = TILE + 8u;
const INPUT_TILE: u32 = TILE * INPUT_STRIDE;
const WEIGHT_TILE: u32 = DEPTH * WEIGHT_STRIDE;

@compute @workgroup_size(LANES)
fn matmul(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
    @builtin(subgroup_id) subgroup: u32,
) {
    let rows = resolve(params.rows);
    let first_row = workgroup.y * TILE;
    let first_column = workgroup.x * TILE;
    // Subgroups beyond the fourth repeat its work: control flow around matrices must be uniform.
    let quarter = min(subgroup, 3u);
    let own_row = quarter / 2u * QUARTER;
    let own_column = quarter % 2u * QUARTER;

    var totals: Totals;
    for (var block = 0u; block < params.inner; block += DEPTH) {
        for (var i = lane; i < TILE * DEPTH / WIDTH; i += LANES) {
            let row = i / (DEPTH / WIDTH);
            let k = i % (DEPTH / WIDTH) * WIDTH;
            var x = Chunk();
            if first_row + row < rows && block + k < params.inner {
                x = Chunk(input[((first_row + row) * params.inner + block + k) / WIDTH]);
            }
            for (var e = 0u; e < WIDTH; e += 1u) { stage_input(row * INPUT_STRIDE + k + e, element(x, e)); }
        }
        for (var i = lane; i < TILE * DEPTH / WIDTH; i += LANES) {
            let k = i / (TILE / WIDTH);
            let column = i % (TILE / WIDTH) * WIDTH;
            var w = Chunk();
            if block + k < params.inner && first_column + column < params.columns {
                let place = (block + k) * params.weight_columns + params.first + first_column + column;
                w = Chunk(weight[place / WIDTH]);
            }
            for (var e = 0u; e < WIDTH; e += 1u) { stage_weight(k * WEIGHT_STRIDE + column + e, element(w, e)); }
        }
        workgroupBarrier();
        add_block(&totals, own_row, own_column);
        workgroupBarrier();
    }

    for (var matrix = 0u; matrix < MATRICES; matrix += 1u) {
        publish(&totals, matrix, subgroup * EDGE * EDGE);
        workgroupBarrier();
        for (var i = lane * WIDTH; i < 4u * EDGE * EDGE; i += LANES * WIDTH) {
            let owner = i / (EDGE * EDGE);
            let place = i % (EDGE * EDGE);
            let row = first_row + owner / 2u * QUARTER + matrix / SIDE * EDGE + place / EDGE;
            let column = first_column + owner % 2u * QUARTER + matrix % SIDE * EDGE + place % EDGE;
            if row < rows && column < params.columns {
                // A chunk of one element uses the first only.
                let total = chunk_of(answer(i), answer(i + 1u), answer(i + 2u), answer(i + 3u));
                finish(row, column / WIDTH, total);
            }
        }
        workgroupBarrier();
    }
}
