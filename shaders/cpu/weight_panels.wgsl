// The weight is stored in panels of PANEL columns, the last one narrower, one after the other, and row after row in each, so
// that walking k is a sequential read, which the CPU fetches ahead.
//
// provides: panel_width, weight_place; needs: params

override PANEL: u32;

fn panel_width(column: u32) -> u32 { return min(PANEL, params.weight_columns - column / PANEL * PANEL); }

fn weight_place(k: u32, column: u32) -> u32 {
    return column / PANEL * PANEL * params.inner + k * panel_width(column) + column % PANEL;
}
