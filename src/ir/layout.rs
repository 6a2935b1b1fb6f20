//! Where the elements of a matrix lie in its buffer.

use super::{Capabilities, Recording};

/// How a kernel wants a matrix to lie in its buffer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Layout {
    /// Row after row.
    #[default]
    Rows,
    /// Panels of [`Layout::PANEL`] columns, the last one narrower, one after the other; row after row in each.
    Panels,
    /// Column after column: a linear layer's weight as its checkpoint has it.
    Columns,
}

impl Layout {
    /// Columns of a panel.
    pub const PANEL: usize = 64;

    /// Some rows of a matrix `[rows, columns]`, the first of them `first`, given row after row: what stays together in the
    /// buffer, behind the element where it starts.
    pub(crate) fn place(self, values: Vec<f32>, first: usize, rows: usize, columns: usize) -> Vec<(usize, Vec<f32>)> {
        if self == Layout::Rows {
            return vec![(first * columns, values)];
        }
        if self == Layout::Columns {
            let column = |column: usize| values.iter().skip(column).step_by(columns).copied().collect();
            return (0..columns).map(|start| (start * rows + first, column(start))).collect();
        }
        let panel = |start: usize| {
            let width = Layout::PANEL.min(columns - start);
            let own = values.chunks_exact(columns).flat_map(|row| &row[start..start + width]);
            (start * rows + first * width, own.copied().collect())
        };
        (0..columns).step_by(Layout::PANEL).map(panel).collect()
    }
}

impl Recording {
    /// How each tensor lies in its buffer: as the kernels that read it want it.
    pub(crate) fn layouts(&self, device: &Capabilities) -> Vec<Layout> {
        let mut layouts: Vec<Option<Layout>> = vec![None; self.tensors.len()];
        for step in &self.steps {
            for (binding, tensor) in step.bound() {
                let wanted = step.kernel.layout(device, &binding);
                let layout = *layouts[tensor.id].get_or_insert(wanted);
                assert_eq!(
                    layout,
                    wanted,
                    "{}: {} lies otherwise for another kernel",
                    step.kernel.name(),
                    binding.name
                );
            }
        }
        layouts.into_iter().map(Option::unwrap_or_default).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_rows_of_the_transposed() {
        let whole: Vec<f32> = (0..6).map(|place| place as f32).collect();
        let expected = [(1, vec![0.0, 3.0]), (5, vec![1.0, 4.0]), (9, vec![2.0, 5.0])];
        assert_eq!(Layout::Columns.place(whole, 1, 4, 3), expected);
    }

    #[test]
    fn panels_are_narrower_at_the_end() {
        let matrix: Vec<f32> = (0..3 * 72).map(|place| place as f32).collect();
        assert_eq!(Layout::Rows.place(matrix[72..].to_vec(), 1, 3, 72), [(72, matrix[72..].to_vec())]);
        let mut buffer = vec![f32::NAN; matrix.len()];
        for (first, rows) in [(1, &matrix[72..]), (0, &matrix[..72])] {
            for (start, values) in Layout::Panels.place(rows.to_vec(), first, 3, 72) {
                buffer[start..start + values.len()].copy_from_slice(&values);
            }
        }
        let expected = [0..64, 72..136, 144..208, 64..72, 136..144, 208..216].into_iter().flatten();
        assert_eq!(buffer, expected.map(|place| place as f32).collect::<Vec<_>>());
    }
}
