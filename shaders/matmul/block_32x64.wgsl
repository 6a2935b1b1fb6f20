const ROWS: u32 = 32u;
const COLUMNS: u32 = 64u;
