// The two sizes that depend on the batch, and the place of a workgroup in a grid folded over x and y.
//
// provides: batch, fold, resolve; needs: nothing

struct Batch { tokens: u32, texts: u32 }
@group(0) @binding(15) var<uniform> batch: Batch;

// A count of rows is a number or one of these symbols: Rust's `Rows`.
const TOKENS: u32 = 0xffffffffu;
const TEXTS: u32 = 0xfffffffeu;

fn resolve(count: u32) -> u32 {
    return select(select(count, batch.texts, count == TEXTS), batch.tokens, count == TOKENS);
}

fn fold(workgroup: vec3<u32>, grid: vec3<u32>) -> u32 {
    return workgroup.x + grid.x * workgroup.y;
}
