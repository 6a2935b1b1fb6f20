//! The tiles that a matrix product can be computed in: what a workgroup computes, and the files that do it.

use super::MatMul;
use crate::gpu::{Capabilities, Element, Part, parts};

/// Workgroups that keep an adapter busy. The largest GPUs have 100 to 150 units that each run several workgroups at a
/// time: fewer workgroups than this leave units idle, and a smaller tile, which loads more for each multiplication, is the
/// lesser loss.
const MACHINE: u32 = 128;

/// A way to compute a product. All tiles that one problem can be computed in on one adapter give the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tile {
    /// What computes it, and the rows and columns of a workgroup: stable, for files that name it.
    pub name: &'static str,
    /// Outputs of a workgroup.
    pub rows: u32,
    pub columns: u32,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A CPU vector, its totals in registers.
    Subgroup,
    /// One output a lane.
    Lane,
    /// Blocks of both operands in workgroup memory.
    Workgroup,
    /// The same on matrix units: edge of a matrix, lanes of a workgroup, elements of the matrices that its subgroups
    /// write at once.
    Cooperative { edge: u32, lanes: u32, answers: u32 },
}

const SUBGROUP: [Tile; 1] = [Tile { name: "subgroup_16x64", rows: 16, columns: 64, kind: Kind::Subgroup }];
const LANE: Tile = Tile { name: "lane_8x1", rows: 8, columns: 1, kind: Kind::Lane };
const WORKGROUP: [Tile; 1] = [Tile { name: "workgroup_64x64", rows: 64, columns: 64, kind: Kind::Workgroup }];

impl MatMul {
    /// Every tile worth running on the adapter, the largest first. Where its matrix units are to be used, theirs alone:
    /// their sums round otherwise.
    pub fn tiles(&self, device: &Capabilities) -> Vec<Tile> {
        let cooperative = self.cooperative_tiles(device);
        if !cooperative.is_empty() {
            return cooperative;
        }
        if device.cpu_vectors() && self.in_chunks(8) && self.inner.is_multiple_of(4) {
            return SUBGROUP.to_vec();
        }
        if device.cpu && self.columns < 32 {
            return vec![LANE];
        }
        WORKGROUP.to_vec()
    }

    /// The tile for that many rows where nothing was measured: the largest that keeps the adapter busy.
    pub fn choose(&self, device: &Capabilities, rows: u32) -> Tile {
        let tiles = self.tiles(device);
        let busy = |tile: &&Tile| rows.div_ceil(tile.rows) * self.columns.div_ceil(tile.columns) >= MACHINE;
        *tiles.iter().find(busy).or(tiles.last()).expect("every adapter has a tile")
    }

    /// Whether the used columns of the weight start and end at multiples of `width`.
    fn in_chunks(&self, width: u32) -> bool {
        [self.columns, self.weight_columns, self.first].iter().all(|columns| columns.is_multiple_of(width))
    }

    /// Those on matrix units, where there are any: what is stored as f32 in two parts. For every size, so that the rows of
    /// a narrower product have the bits of a wider one's.
    fn cooperative_tiles(&self, device: &Capabilities) -> Vec<Tile> {
        let (Some(edge), Some((least, most))) = (device.cooperative, device.subgroup) else { return Vec::new() };
        let parts = if self.element == Element::F16 { 1 } else { 2 };
        // Four subgroups of whatever size they turn out to have, and f16 tiles of 64 x 40 and 32 x 72.
        let lanes = 4 * most;
        let answers = edge * edge * (lanes / least);
        let memory = parts * (2 * (64 * 40 + 32 * 72) + 4 * answers);
        if device.cpu || !device.f16 || lanes > device.workgroup_size || memory > device.workgroup_memory {
            return Vec::new();
        }
        let kind = Kind::Cooperative { edge, lanes, answers };
        vec![Tile { name: "cooperative_64x64", rows: 64, columns: 64, kind }]
    }
}

impl Tile {
    /// Elements of input and output that it reads and writes at once.
    pub(super) fn chunk(&self, kernel: &MatMul) -> u32 {
        match self.kind {
            Kind::Subgroup => 4,
            Kind::Cooperative { .. } if kernel.in_chunks(4) && kernel.inner.is_multiple_of(4) => 4,
            _ => 1,
        }
    }

    /// How operands are stored: the first parts of its shader.
    pub(super) fn storage(&self, element: Element) -> Vec<Part> {
        match self.kind {
            Kind::Cooperative { .. } => parts::cooperative_storage(element),
            _ => parts::storage(element),
        }
    }

    /// The parts that compute it.
    pub(super) fn parts(&self, element: Element) -> Vec<Part> {
        match self.kind {
            Kind::Subgroup => vec![parts::wide(element), parts::TILE_SUBGROUP],
            Kind::Lane => vec![parts::TILE_LANE],
            Kind::Workgroup => vec![parts::TILE_WORKGROUP],
            Kind::Cooperative { edge, .. } => {
                let matrices = if edge == 8 { parts::COOPERATIVE_8 } else { parts::COOPERATIVE_16 };
                let split = if element == Element::F16 { parts::SPLIT_ONE } else { parts::SPLIT_TWO };
                vec![matrices, split, parts::TILE_COOPERATIVE]
            }
        }
    }

    /// Values of the overrides of those parts.
    pub(super) fn constants(&self) -> Vec<(&'static str, u32)> {
        match self.kind {
            Kind::Cooperative { lanes, answers, .. } => vec![("LANES", lanes), ("ANSWERS", answers)],
            _ => Vec::new(),
        }
    }
}
