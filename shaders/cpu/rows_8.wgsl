// Eight rows a lane: for a text of a few tokens, or a few texts' first tokens.

const EIGHTS: u32 = 1u;
alias Totals = array<Rows8, EIGHTS>;

fn add_rows(x: array<u32, EIGHTS>, k: u32, low: mat4x4<f32>, high: mat4x4<f32>, totals: Totals) -> Totals {
    return Totals(
        add_eight(Chunk(input[x[0] + k]), low, high, totals[0]),
    );
}

fn keep(lane: u32, totals: Totals) {
    kept[0][lane] = totals[0];
}
