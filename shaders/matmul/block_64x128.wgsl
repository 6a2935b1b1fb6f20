const ROWS: u32 = 64u;
const COLUMNS: u32 = 128u;
