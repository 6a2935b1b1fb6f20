// Registers for heads of up to 8 chunks.
const CHUNKS: u32 = 8u;
