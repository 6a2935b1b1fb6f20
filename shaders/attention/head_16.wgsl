// Registers for heads of up to 16 chunks.
const CHUNKS: u32 = 16u;
