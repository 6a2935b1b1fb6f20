// The weight lies in panels of columns, the last one narrower, one after the other, and row after row in each: who goes
// along k reads what is next in memory, and the CPU fetches it in time.
override PANEL: u32; // columns

fn panel_width(column: u32) -> u32 { return min(PANEL, params.weight_columns - column / PANEL * PANEL); }

fn weight_place(k: u32, column: u32) -> u32 {
    return column / PANEL * PANEL * params.inner + k * panel_width(column) + column % PANEL;
}
