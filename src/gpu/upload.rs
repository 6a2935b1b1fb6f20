//! The way of weights to the device: in pieces, so that only the device ever has all of them.

use super::{Gpu, read_back::done};
use crate::error::Result;
use crate::ir::{Element, Layout, Tensor, Values, Weight, WeightSource};
use half::f16;
use half::slice::HalfFloatSliceExt;
use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

/// Elements of a piece: 16 MiB as they come from the source.
const PIECE: usize = 1 << 22;
/// Bytes that may wait in staging buffers, which wgpu keeps until a submission after them is done.
const STAGED: u64 = 64 << 20;

/// Fills the buffers of weights.
#[derive(Debug)]
pub(super) struct Upload<'a> {
    gpu: &'a Arc<Gpu>,
    /// Most elements of a piece, but for what [`Upload::fill`] rounds up to.
    piece: usize,
    /// Bytes written since the last submission.
    staged: u64,
}

impl<'a> Upload<'a> {
    pub(super) fn new(gpu: &'a Arc<Gpu>) -> Upload<'a> {
        Upload { gpu, piece: PIECE, staged: 0 }
    }

    /// Writes rows `rows` of the weight to a buffer of them.
    ///
    /// # Errors
    /// What `source` answers, and the device's errors.
    pub(super) async fn fill(
        &mut self,
        buffer: &wgpu::Buffer,
        source: &dyn WeightSource,
        weight: &Weight,
        rows: Range<usize>,
        element: Element,
        layout: Layout,
    ) -> Result<()> {
        // The source transposes this many rows at a time, and as many of f16 are whole words whatever their length.
        const TOGETHER: usize = 64;
        let [all, columns] = weight.shape();
        let by_columns = layout == Layout::Columns;
        assert!(!by_columns || rows == (0..all), "{:?} lies column after column: rows {rows:?} do not", weight.names);
        let (lines, length) = if by_columns { (0..columns, all) } else { (rows.clone(), columns) };
        let step = (self.piece / length.max(1)).next_multiple_of(TOGETHER).max(TOGETHER);
        let doing = format!("uploading {}", weight.names.join(" + "));
        for start in lines.clone().step_by(step) {
            let piece = start..lines.end.min(start + step);
            let pieces = if by_columns {
                vec![(start * length, source.columns(weight, piece)?)]
            } else {
                layout.place(source.rows(weight, piece)?, start - rows.start, rows.len(), columns)
            };
            for (place, values) in pieces {
                let values = Values::F32(values);
                let contents = stored(&values, element);
                let (offset, bytes) = (place as u64 * element.bytes(), contents.len() as u64);
                self.gpu.guard(&doing, bytes, || self.gpu.queue.write_buffer(buffer, offset, &contents)).await?;
                self.staged += bytes;
            }
            if self.staged >= STAGED {
                self.staged = 0;
                let submission = self.gpu.guard(&doing, 0, || self.gpu.queue.submit([])).await?;
                done(self.gpu, submission).await?;
            }
        }
        Ok(())
    }
}

/// The bytes of a buffer with these values.
pub(super) fn contents<'a>(values: &'a Values, tensor: &Tensor, layout: Layout) -> Cow<'a, [u8]> {
    if layout == Layout::Rows {
        return stored(values, tensor.element);
    }
    let rows = values.f32().len() / tensor.columns;
    let placed = layout.place(values.f32().to_vec(), 0, rows, tensor.columns);
    let arranged = Values::F32(placed.into_iter().flat_map(|(_, values)| values).collect());
    Cow::Owned(stored(&arranged, tensor.element).into_owned())
}

/// As values lie in a buffer of this element, up to a whole word.
fn stored(values: &Values, element: Element) -> Cow<'_, [u8]> {
    match (values, element) {
        (Values::F32(numbers), Element::F16) => {
            // A run at a time: what is given should not be held twice over.
            let mut bytes = Vec::with_capacity((numbers.len() * size_of::<f16>()).next_multiple_of(4));
            let mut rounded = [f16::ZERO; 1024];
            for run in numbers.chunks(rounded.len()) {
                rounded[..run.len()].convert_from_f32_slice(run);
                bytes.extend_from_slice(bytemuck::cast_slice(&rounded[..run.len()]));
            }
            bytes.resize(bytes.len().next_multiple_of(4), 0);
            Cow::Owned(bytes)
        }
        (Values::F32(_), Element::F32) | (Values::U32(_), Element::U32) => Cow::Borrowed(values.bytes()),
        _ => panic!("{element:?} is not an element for these values"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::read_back::{ReadBack, StagingLease};
    use super::*;
    use crate::gpu::{adapters, block_on};
    use std::sync::Mutex;
    use wgpu::BufferUsages as Usage;

    /// A weight whose elements count 0, 1, 2..., and which rows of it were asked for.
    #[derive(Default)]
    struct Counting(Mutex<Vec<Range<usize>>>);

    impl WeightSource for Counting {
        fn rows(&self, weight: &Weight, rows: Range<usize>) -> Result<Vec<f32>> {
            self.0.lock().unwrap().push(rows.clone());
            let columns = weight.shape()[1];
            Ok((rows.start * columns..rows.end * columns).map(|place| place as f32).collect())
        }
    }

    #[test]
    fn pieces_are_the_whole() {
        let adapter = block_on(adapters(None)).into_iter().next().expect("an adapter");
        let gpu = Arc::new(block_on(Gpu::open(&adapter, None)).unwrap());
        // The last piece of an odd number of f16 ends within a word.
        let weight = Weight::table("words", 211, 5);
        let (rows, count) = (10..211, 201 * 5);
        for (element, staged) in [(Element::F32, 0), (Element::F32, STAGED - 2000), (Element::F16, STAGED - 1)] {
            let bytes = (count as u64 * element.bytes()).next_multiple_of(4);
            let make = |usage| block_on(gpu.buffer("words", bytes, usage | Usage::COPY_DST, None)).unwrap();
            let (buffer, readable) = (make(Usage::COPY_SRC), make(Usage::MAP_READ));
            let source = Counting::default();
            let mut upload = Upload { staged, piece: 300, ..Upload::new(&gpu) };
            let filled = upload.fill(&buffer, &source, &weight, rows.clone(), element, Layout::Rows);
            // Also by an executor that must not be made to wait.
            let filled = if element == Element::F16 { pollster::block_on(filled) } else { block_on(filled) };
            filled.unwrap();
            assert_eq!(source.0.into_inner().unwrap(), [10..74, 74..138, 138..202, 202..211]);

            let mut encoder = gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
            encoder.copy_buffer_to_buffer(&buffer, 0, &readable, 0, Some(bytes));
            let submission = gpu.queue.submit([encoder.finish()]);
            let arriving = ReadBack::new(gpu.clone(), StagingLease::alone(readable), bytes, submission);
            let expected = Values::F32((50..50 + count).map(|place| place as f32).collect());
            let same = block_on(arriving.read(|read| read == &stored(&expected, element)[..])).unwrap();
            assert!(same, "{element:?} after {staged} bytes");
        }
    }
}
