//! The tiles of attention whose keys pass through workgroup memory.

use super::{Heads, Term};
use crate::gpu::{Capabilities, Part, parts};

/// Lanes of `stream_tile.wgsl`.
const LANES: u32 = 64;

impl Heads {
    /// The parts by which a workgroup of a GPU shares the keys that it reads; `None` where the adapter has no memory for
    /// them, or none that is faster than a cache.
    pub(super) fn tile_parts(&self, device: &Capabilities) -> Option<Vec<Part>> {
        let fits = LANES <= device.workgroup_size && self.tile_memory() <= device.workgroup_memory;
        let terms = match self.score {
            Term::None | Term::Bias => parts::TERMS_NONE,
            Term::Relative { .. } => parts::TERMS_RELATIVE,
        };
        (fits && !device.cpu).then(|| vec![parts::KEYS_CHUNK, parts::STAGE_ROWS, terms, parts::STREAM_TILE])
    }

    /// Bytes of workgroup memory: in f32 32 x 32 weights, 32 rows of eight chunks, a vec4 a lane, and 64 rows of a table.
    fn tile_memory(&self) -> u32 {
        let rows = if matches!(self.score, Term::Relative { .. }) { 32 + 64 } else { 32 };
        4 * (32 * 32 + rows * 8 * self.chunk() + 4 * LANES)
    }
}
