// 32 rows a lane, for which a weight is loaded once. 64 were slower: totals that find no register are loaded and stored.

const EIGHTS: u32 = 4u;
alias Totals = array<Rows8, EIGHTS>;

fn add_rows(x: array<u32, EIGHTS>, k: u32, low: mat4x4<f32>, high: mat4x4<f32>, totals: Totals) -> Totals {
    return Totals(
        add_eight(Chunk(input[x[0] + k]), low, high, totals[0]),
        add_eight(Chunk(input[x[1] + k]), low, high, totals[1]),
        add_eight(Chunk(input[x[2] + k]), low, high, totals[2]),
        add_eight(Chunk(input[x[3] + k]), low, high, totals[3]),
    );
}

fn keep(lane: u32, totals: Totals) {
    kept[0][lane] = totals[0];
    kept[1][lane] = totals[1];
    kept[2][lane] = totals[2];
    kept[3][lane] = totals[3];
}
