// Products of a query and a key are nothing but that.

fn add_terms(work: Work, block: u32, slice: u32, chunks: u32, scores: ptr<function, Scores>) {}
