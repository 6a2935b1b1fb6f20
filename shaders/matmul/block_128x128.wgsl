const ROWS: u32 = 128u;
const COLUMNS: u32 = 128u;
