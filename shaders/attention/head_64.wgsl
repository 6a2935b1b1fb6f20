// Registers for heads of up to 64 chunks.
const CHUNKS: u32 = 64u;
