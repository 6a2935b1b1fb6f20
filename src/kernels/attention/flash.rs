//! The ways to stream over the keys (FlashAttention, Dao et al. 2022), and which of them an adapter takes.

use super::{Heads, Term};
use crate::ir::{Capabilities, Element, Rows, Shader, part};
use crate::kernels::common;

/// Lanes of `flash_tile.wgsl`.
const LANES: u32 = 64;
/// Lanes of `flash_cooperative.wgsl`.
const COOPERATIVE_LANES: u32 = 128;

/// What streams over the keys of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flash {
    /// A subgroup that is one CPU vector, with eight queries.
    Vec8,
    /// A workgroup on tensor cores, with 32 queries and `head` columns: whole matrices.
    Cooperative { head: u32 },
    /// A workgroup, with 32 queries; the keys pass through its memory.
    Tile,
    /// A workgroup, with the one query of a text.
    Keys,
    /// A lane, with one query.
    Lane,
}

impl Heads {
    /// The way that an adapter takes.
    pub(super) fn flash(&self, device: &Capabilities) -> Flash {
        let widths = [self.head_width, self.query_stride, self.key_stride, self.first_key, self.first_value];
        if device.cpu_vectors() && self.head_width <= 128 && widths.iter().all(|width| width % 8 == 0) {
            return Flash::Vec8;
        }
        if let Some(head) = self.cooperative_head(device) {
            return Flash::Cooperative { head };
        }
        // On a CPU workgroup memory is no faster than its cache.
        if device.cpu || LANES > device.workgroup_size || self.tile_memory() > device.workgroup_memory {
            return Flash::Lane;
        }
        match self.score {
            // A query alone would leave a tile's other 31 idle. Relative terms are only written for a tile.
            Term::None | Term::Bias if self.queries == Rows::Texts => Flash::Keys,
            _ => Flash::Tile,
        }
    }

    /// The shader that streams the keys in this way.
    pub(super) fn link(&self, flash: Flash, device: &Capabilities) -> Shader {
        let query_rows = match self.queries {
            Rows::Texts => part!("attention/queries_texts"),
            _ => part!("attention/queries_tokens"),
        };
        let own = match flash {
            Flash::Vec8 => {
                let [keys, vec8, columns] = [part!("cpu/keys_wide"), part!("cpu/vec8"), part!("cpu/head_columns")];
                vec![common::wide(self.element), keys, vec8, columns, part!("cpu/flash_vec8")]
            }
            Flash::Cooperative { .. } => {
                let matrices = common::cooperative(device.cooperative_matrix_size.expect("matrices of some edge"));
                let products = part!("attention/flash_products");
                vec![part!("attention/keys_chunk"), matrices, products, part!("attention/flash_cooperative")]
            }
            Flash::Tile => {
                let terms = match self.score {
                    Term::None | Term::Bias => part!("attention/terms_none"),
                    Term::Relative { .. } => part!("attention/terms_relative"),
                };
                let rows = part!("attention/flash_stage");
                vec![part!("attention/keys_chunk"), rows, terms, part!("attention/flash_tile")]
            }
            Flash::Keys => vec![part!("attention/keys_chunk"), part!("attention/flash_keys")],
            Flash::Lane => vec![part!("attention/keys_chunk"), part!("attention/flash_lane")],
        };
        let mut parts = if flash == Flash::Vec8 { self.block_parts() } else { self.parts() };
        parts.extend([query_rows, part!("attention/attention")]);
        parts.extend(own);
        let shader = Shader::link(super::NAME, parts);
        match flash {
            Flash::Vec8 => {
                let vec8s = self.head_width / 8;
                shader.size("HEAD_VEC8S", vec8s).size("OWNERS", vec8s.next_power_of_two().min(8))
            }
            Flash::Cooperative { head } => shader.size("CHUNKS", self.registers()).constant("HEAD", head),
            Flash::Tile | Flash::Lane => shader.size("CHUNKS", self.registers()),
            Flash::Keys => shader,
        }
    }

    /// Chunks of a head that there are registers for.
    fn registers(&self) -> u32 {
        let chunks = self.head_width / self.chunk();
        assert!(chunks <= 64, "{}: a head of {chunks} chunks; the model's file must refuse it", super::NAME);
        chunks.next_power_of_two().max(8)
    }

    /// Bytes of workgroup memory: in f32 32 x 32 numbers p, 32 rows of eight chunks, a vec4 a lane, and 64 rows of a table.
    fn tile_memory(&self) -> u32 {
        let rows = if matches!(self.score, Term::Relative { .. }) { 32 + 64 } else { 32 };
        4 * (32 * 32 + rows * 8 * self.chunk() + 4 * LANES)
    }

    /// Columns of whole matrices that a head takes on tensor cores; `None` where they are not used. What is stored as f32
    /// would lose digits, and terms of distances are no products of whole rows.
    fn cooperative_head(&self, device: &Capabilities) -> Option<u32> {
        let (edge, (_, most)) = (device.cooperative_matrix_size?, device.subgroup?);
        let head = self.head_width.next_multiple_of(edge);
        // f16: 32 queries, 64 keys and 32 x 64 numbers p, rows padded by 8. f32: 32 rows of what is multiplied, padded by 4,
        // a matrix, a number a lane, and a count.
        let halves = (32 + 64) * (head + 8) + 32 * (64 + 8);
        let numbers = 32 * (head.max(64) + 4) + edge * edge + COOPERATIVE_LANES + 4;
        let fits = 2 * halves + 4 * numbers <= device.workgroup_memory
            && COOPERATIVE_LANES <= device.workgroup_size
            && most <= COOPERATIVE_LANES;
        let kind = self.element == Element::F16 && self.chunk() == 4 && !matches!(self.score, Term::Relative { .. });
        (device.tensor_cores() && kind && self.head_width <= 128 && fits).then_some(head)
    }
}
