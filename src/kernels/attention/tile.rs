//! The tiles of attention whose keys pass through workgroup memory.

use super::{Heads, Term};
use crate::ir::{Capabilities, Element, Part, Rows, part};

/// Lanes of `stream_tile.wgsl`.
const LANES: u32 = 64;
/// Lanes of `stream_cooperative.wgsl`.
const COOPERATIVE_LANES: u32 = 128;

impl Heads {
    /// The parts by which a workgroup of a GPU shares the keys that it reads; `None` where the adapter has no memory for
    /// them, or none that is faster than a cache.
    pub(super) fn tile_parts(&self, device: &Capabilities) -> Option<Vec<Part>> {
        let fits = LANES <= device.workgroup_size && self.tile_memory() <= device.workgroup_memory;
        let tile = match self.score {
            // A query alone would leave a tile's other 31 idle. Relative terms are only written for a tile.
            Term::None | Term::Bias if self.queries == Rows::Texts => vec![part!("attention/stream_keys")],
            Term::None | Term::Bias => {
                vec![part!("attention/stage_rows"), part!("attention/terms_none"), part!("attention/stream_tile")]
            }
            Term::Relative { .. } => {
                vec![part!("attention/stage_rows"), part!("attention/terms_relative"), part!("attention/stream_tile")]
            }
        };
        (fits && !device.cpu).then(|| [vec![part!("attention/keys_chunk")], tile].concat())
    }

    /// Bytes of workgroup memory: in f32 32 x 32 weights, 32 rows of eight chunks, a vec4 a lane, and 64 rows of a table.
    fn tile_memory(&self) -> u32 {
        let rows = if matches!(self.score, Term::Relative { .. }) { 32 + 64 } else { 32 };
        4 * (32 * 32 + rows * 8 * self.chunk() + 4 * LANES)
    }

    /// The parts that multiply on matrix units.
    pub(super) fn cooperative_parts(&self, device: &Capabilities) -> Option<Vec<Part>> {
        self.cooperative_head(device)?;
        let matrices =
            if device.cooperative == Some(8) { part!("common/cooperative_8") } else { part!("common/cooperative_16") };
        Some(vec![
            part!("attention/keys_chunk"),
            matrices,
            part!("attention/products_cooperative"),
            part!("attention/stream_cooperative"),
        ])
    }

    /// Columns of whole matrices that a head takes on matrix units; `None` where they are not used. What is stored as f32
    /// would lose digits, and terms of distances are no products of whole rows.
    pub(super) fn cooperative_head(&self, device: &Capabilities) -> Option<u32> {
        let (edge, (_, most)) = (device.cooperative?, device.subgroup?);
        let head = self.head_width.next_multiple_of(edge);
        // f16: 32 queries, 64 keys and 32 x 64 weights, rows padded by 8. f32: 32 rows of what is multiplied, padded by 4,
        // a matrix, a number a lane, and a count.
        let halves = (32 + 64) * (head + 8) + 32 * (64 + 8);
        let numbers = 32 * (head.max(64) + 4) + edge * edge + COOPERATIVE_LANES + 4;
        let fits = 2 * halves + 4 * numbers <= device.workgroup_memory
            && COOPERATIVE_LANES <= device.workgroup_size
            && most <= COOPERATIVE_LANES;
        let kind = self.element == Element::F16 && self.chunk() == 4 && !matches!(self.score, Term::Relative { .. });
        (!device.cpu && device.f16 && kind && self.head_width <= 128 && fits).then_some(head)
    }
}
