// Nothing is added to a product of a query and a key.
//
// provides: add_terms; needs: Scores, Work

fn add_terms(work: Work, block: u32, slice: u32, chunks: u32, scores: ptr<function, Scores>) {}
