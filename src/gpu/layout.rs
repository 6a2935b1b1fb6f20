//! Where the elements of a matrix lie in its buffer.

use std::borrow::Cow;
use std::ops::Range;

/// How a kernel wants a matrix to lie in its buffer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Layout {
    /// Row after row.
    #[default]
    Rows,
    /// Panels of [`Layout::PANEL`] columns, the last one narrower, one after the other; row after row in each.
    Panels,
}

impl Layout {
    /// Columns of a panel.
    pub const PANEL: usize = 64;

    /// The runs of elements that stay together of a matrix `[rows, columns]`, row after row: where each goes to.
    fn runs(self, rows: usize, columns: usize) -> impl Iterator<Item = Range<usize>> {
        let width = match self {
            Layout::Rows => columns,
            Layout::Panels => Layout::PANEL,
        };
        (0..rows).flat_map(move |row| {
            (0..columns).step_by(width.max(1)).map(move |first| {
                let width = width.min(columns - first);
                let start = first * rows + row * width;
                start..start + width
            })
        })
    }

    /// The bytes of a matrix given row after row, of elements of `size` bytes.
    pub(super) fn arranged(self, bytes: Cow<[u8]>, columns: usize, size: usize) -> Cow<[u8]> {
        if self == Layout::Rows {
            return bytes;
        }
        let mut arranged = vec![0; bytes.len()];
        let mut from = 0;
        for run in self.runs(bytes.len() / (columns * size), columns) {
            let run = run.start * size..run.end * size;
            let next = from + run.len();
            arranged[run].copy_from_slice(&bytes[from..next]);
            from = next;
        }
        Cow::Owned(arranged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panels_are_narrower_at_the_end() {
        let matrix: Vec<u8> = (0..3 * 72).collect();
        let panels = Layout::Panels.arranged(Cow::Borrowed(&matrix), 72, 1);
        let expected = [0..64, 72..136, 144..208, 64..72, 136..144, 208..216].into_iter().flatten();
        assert_eq!(*panels, *expected.collect::<Vec<u8>>());
        assert_eq!(Layout::Rows.arranged(Cow::Borrowed(&matrix), 72, 1), matrix);
        // Elements of two bytes stay whole.
        let wide = Layout::Panels.arranged(Cow::Borrowed(&matrix), 36, 2);
        assert_eq!(*wide, *matrix, "no more columns than a panel has");
    }
}
