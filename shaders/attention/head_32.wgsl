// Registers for heads of up to 32 chunks.
const CHUNKS: u32 = 32u;
