//! The ways to stream over the keys (FlashAttention, Dao et al. 2022), and which of them an adapter takes.

use super::{Heads, Term};
use crate::ir::{Capabilities, Element, Part, Rows, Shader, Slots, part};
use crate::kernels::common;

/// Lanes of `flash_tile.wgsl`.
const LANES: u32 = 64;

/// Bytes of a slot in workgroup memory.
const SLOT_BYTES: u32 = 20;
/// Those of a tile of `flash_tile.wgsl`.
const TILE_SLOTS: Slots = Slots { rows: 4, count: 8 };
/// Rows of matrices of a workgroup on tensor cores.
const COOPERATIVE_ROWS: u32 = 4;

/// What streams over the keys of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flash {
    /// A subgroup that is one CPU vector, with eight queries.
    Vec8,
    /// A workgroup of `lanes` on tensor cores, with four rows of matrices and `head` columns, whole matrices.
    Cooperative { lanes: u32, queries: u32, head: u32 },
    /// A workgroup, with 32 queries; the keys pass through its memory.
    Tile,
    /// A workgroup, with the one query of a text.
    Keys,
    /// A lane, with one query.
    Lane,
}

impl Flash {
    /// Query rows of a tile.
    pub(super) fn queries(self) -> u32 {
        match self {
            Flash::Vec8 => 8,
            Flash::Cooperative { queries, .. } => queries,
            Flash::Tile | Flash::Keys | Flash::Lane => 32,
        }
    }
}

impl Heads {
    /// The way that an adapter takes.
    pub(super) fn flash(&self, device: &Capabilities) -> Flash {
        let widths = [self.head_width, self.query_stride, self.key_stride, self.first_key, self.first_value];
        if device.cpu_vectors() && self.head_width <= 128 && widths.iter().all(|width| width % 8 == 0) {
            return Flash::Vec8;
        }
        if let Some(cooperative) = self.cooperative(device) {
            return cooperative;
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

    /// What the tiles of short texts are divided into, where this way leaves those to a kernel that has all their keys at once.
    pub(super) fn slots(&self, flash: Flash, device: &Capabilities) -> Option<Slots> {
        match flash {
            Flash::Cooperative { lanes, queries, head } => {
                let slots = Slots { rows: queries / COOPERATIVE_ROWS, count: COOPERATIVE_ROWS };
                (short_memory(lanes, queries, head) <= device.workgroup_memory).then_some(slots)
            }
            // The terms of distances are those of one text.
            Flash::Tile => (!matches!(self.score, Term::Relative { .. })).then_some(TILE_SLOTS),
            Flash::Vec8 | Flash::Keys | Flash::Lane => None,
        }
    }

    /// The shader that has all keys of short texts at once, where [`Heads::slots`] names some.
    pub(super) fn link_short(&self, flash: Flash, slots: Slots, device: &Capabilities) -> Shader {
        let places = match self.queries {
            Rows::Texts => part!("attention/slots_texts"),
            _ => part!("attention/slots_tokens"),
        };
        let keys = part!("attention/keys_chunk");
        let mut parts = self.parts();
        parts.extend([part!("attention/slots"), places, keys, part!("attention/attention")]);
        parts.extend(match flash {
            Flash::Cooperative { .. } => {
                let [matrices, lds, subgroups] = cooperative_parts(device);
                let [transfer, products] = [part!("attention/short_transfer"), part!("attention/short_products")];
                vec![matrices, lds, subgroups, transfer, products, part!("attention/short_cooperative")]
            }
            _ => self.tile_parts(part!("attention/tile_of_slots")),
        });
        let shader = Shader::link(super::NAME, parts).size("SLOTS", slots.count).size("SLOT_ROWS", slots.rows);
        match flash {
            Flash::Cooperative { lanes, head, .. } => {
                with_lanes(shader, lanes, 4 * COOPERATIVE_ROWS, device).size("HEAD", head)
            }
            _ => shader.size("CHUNKS", self.registers()),
        }
    }

    /// What `flash_tile.wgsl` is linked with, where `rows` says which queries and keys a tile has.
    fn tile_parts(&self, rows: Part) -> Vec<Part> {
        let terms = match self.score {
            Term::None | Term::Bias => part!("attention/terms_none"),
            Term::Relative { .. } => part!("attention/terms_relative"),
        };
        vec![rows, part!("attention/flash_stage"), terms, part!("attention/flash_tile")]
    }

    /// The shader that streams the keys in this way, of texts that have no slots.
    pub(super) fn link(&self, flash: Flash, slots: Option<Slots>, device: &Capabilities) -> Shader {
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
                let [matrices, lds, subgroups] = cooperative_parts(device);
                let [transfer, products] = [part!("attention/flash_transfer"), part!("attention/flash_products")];
                let keys = part!("attention/keys_chunk");
                vec![keys, matrices, lds, subgroups, transfer, products, part!("attention/flash_cooperative")]
            }
            Flash::Tile => {
                [vec![part!("attention/keys_chunk")], self.tile_parts(part!("attention/tile_of_text"))].concat()
            }
            Flash::Keys => vec![part!("attention/keys_chunk"), part!("attention/flash_keys")],
            Flash::Lane => vec![part!("attention/keys_chunk"), part!("attention/flash_lane")],
        };
        let mut parts = if flash == Flash::Vec8 { self.block_parts() } else { self.parts() };
        parts.extend([query_rows, part!("attention/attention")]);
        parts.extend(own);
        let mut shader = Shader::link(super::NAME, parts);
        if self.queries == Rows::Tokens {
            shader = shader.constant("QUERIES", flash.queries());
        }
        match flash {
            Flash::Vec8 => {
                let vec8s = self.head_width / 8;
                shader.size("HEAD_VEC8S", vec8s).size("OWNERS", vec8s.next_power_of_two().min(8))
            }
            Flash::Cooperative { lanes, queries, head } => {
                let short = slots.map_or(0, Slots::longest);
                // Matrices that there is room for where scores were: as many fours as `NUMBERS`, each of so many.
                let edge = queries / COOPERATIVE_ROWS;
                let owners = score_fours(lanes, queries) / (edge * edge / 4);
                with_lanes(shader, lanes, owners, device).size("HEAD", head).size("SHORT", short)
            }
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

    /// Bytes of workgroup memory: in f32 32 x 32 numbers p, 32 rows of eight chunks, a vec4 a lane, and 64 rows of a table; and slots.
    fn tile_memory(&self) -> u32 {
        let rows = if matches!(self.score, Term::Relative { .. }) { 32 + 64 } else { 32 };
        4 * (32 * 32 + rows * 8 * self.chunk() + 4 * LANES) + SLOT_BYTES * TILE_SLOTS.count
    }

    /// The way on tensor cores, where they are used. What is stored as f32 would lose digits, and terms of distances are no
    /// products of whole rows.
    fn cooperative(&self, device: &Capabilities) -> Option<Flash> {
        let (edge, (least, most)) = (device.cooperative_matrix_size?, device.subgroup?);
        let kind = self.element == Element::F16 && self.chunk() == 4 && !matches!(self.score, Term::Relative { .. });
        if !device.tensor_cores() || !kind || self.head_width > 128 {
            return None;
        }
        let head = self.head_width.next_multiple_of(edge);
        let queries = COOPERATIVE_ROWS * edge;
        // A subgroup for each row of matrices. Metal's are of 32, whatever sizes wgpu names.
        let lanes = COOPERATIVE_ROWS * if device.cooperative_vectors { most.max(32) } else { 32 };
        let sharing = lanes / queries;
        // As fours: keys, values and p, rows padded by 2; scores, padded by the lanes that share a row. Then a number a row.
        let [halves, numbers] = [32 * (head / 4 + 2) + (head + queries) * (32 / 4 + 2), score_fours(lanes, queries)];
        let memory = 8 * halves + 16 * numbers + 4 * queries + 32;
        let fits = memory <= device.workgroup_memory && lanes <= device.workgroup_size && sharing <= least;
        fits.then_some(Flash::Cooperative { lanes, queries, head })
    }
}

fn cooperative_parts(device: &Capabilities) -> [Part; 3] {
    let lds = match device.cooperative_vectors {
        true => part!("attention/flash_lds_vec4"),
        false => part!("attention/flash_lds_scalar"),
    };
    let subgroups = match known_subgroup(device) {
        Some(_) => part!("attention/subgroups_known"),
        None => part!("attention/subgroups_counted"),
    };
    [common::cooperative(device.cooperative_matrix_size.expect("matrices of some edge")), lds, subgroups]
}

/// The size of every subgroup; Metal's is not what wgpu names.
fn known_subgroup(device: &Capabilities) -> Option<u32> {
    device.uniform_subgroup().filter(|_| device.cooperative_vectors)
}

/// With how many subgroups share a row of matrices, where that is known: 1, 2 or 4, if there is room for the matrices of so many.
fn with_lanes(shader: Shader, lanes: u32, room: u32, device: &Capabilities) -> Shader {
    let shader = shader.size("LANES", lanes);
    let Some(size) = known_subgroup(device) else { return shader };
    let owners = room.min(lanes / size);
    shader.size("ACROSS", [4, 2].into_iter().find(|across| owners >= COOPERATIVE_ROWS * across).unwrap_or(1))
}

/// Fours of a block's scores in workgroup memory.
fn score_fours(lanes: u32, queries: u32) -> u32 {
    queries * (32 / 4 + lanes / queries)
}

/// Bytes of workgroup memory of `short_cooperative.wgsl`.
fn short_memory(lanes: u32, queries: u32, head: u32) -> u32 {
    // As fours, rows padded by 2: queries, then p; keys, then values. Scores, then outputs, padded by the lanes that share a row. A
    // number a row, the slots, and one.
    let [row, column] = [head / 4 + 2, queries / 4 + 2];
    let halves = queries * row.max(column) + (queries * row).max(head * column);
    let numbers = queries * (queries.max(head) / 4 + lanes / queries);
    8 * halves + 16 * numbers + 4 * queries + SLOT_BYTES * COOPERATIVE_ROWS + 16
}
