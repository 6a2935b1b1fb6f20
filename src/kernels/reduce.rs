//! How the lanes of a workgroup share a row that they reduce to one value.

use crate::ir::{Capabilities, Grid, Part, Rows, part};

/// Items of a row that a lane of `row_in_registers.wgsl` holds, at most.
pub(super) const ROW_REGISTERS: u32 = 8;
/// Lanes of a workgroup of several subgroups or none, at least.
const LANES: u32 = 64;
/// Columns of a row that one lane reduces alone, at most.
const SHORT: u32 = 32;

/// Lanes of a workgroup, rows that it has, and the part that reduces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reduction {
    pub lanes: u32,
    pub rows: u32,
    pub part: Part,
}

impl Reduction {
    /// A workgroup has a row of `items` elements or chunks.
    pub(super) fn shared(device: &Capabilities, items: u32) -> Reduction {
        let reduction = |lanes, part| Reduction { lanes, rows: 1, part };
        // One subgroup needs neither memory nor barriers. On a CPU a row of a few hundred elements would spend most of its
        // time on them; on a GPU a narrow subgroup, or one with a long row, leaves most of a core idle.
        let one = |size| device.cpu || size >= 32 && items <= ROW_REGISTERS * size;
        match (device.subgroup, device.uniform_subgroup()) {
            (_, Some(size)) if one(size) => reduction(size, part!("common/reduce_subgroup")),
            (Some((_, most)), _) if !device.cpu && most <= device.workgroup_size => {
                let widest = 256.min(device.workgroup_size).max(most);
                let lanes = items.div_ceil(4).next_power_of_two().clamp(LANES.max(most), widest);
                reduction(lanes, part!("common/reduce_subgroups"))
            }
            _ => reduction(LANES, part!("common/reduce_workgroup")),
        }
    }

    /// The same, but a lane to each row where a row is short.
    pub(super) fn of_columns(device: &Capabilities, columns: u32) -> Reduction {
        // On a CPU lanes that read different rows gain nothing: each load is a loop over them.
        if device.cpu || columns > SHORT {
            return Reduction::shared(device, columns);
        }
        Reduction { lanes: LANES, rows: LANES, part: part!("common/reduce_lane") }
    }

    /// The files of a kernel with those that reduce, and that divide a row among lanes where they do not say that too.
    pub(super) fn parts(&self, kernel: &[Part]) -> Vec<Part> {
        let shared: &[Part] = if self.rows == 1 { &[part!("common/share_row")] } else { &[] };
        [kernel, &[self.part], shared].concat()
    }

    /// Workgroups for `rows` rows.
    pub(super) fn grid(&self, rows: Rows) -> Grid {
        Grid::Folded { rows, times: 1, per: self.rows }
    }
}
