//! The tiles that a matrix product can be computed in: what a workgroup computes, and the files that do it.

use super::MatMul;
use crate::gpu::{Capabilities, Element, Part, parts};

/// Workgroups that keep an adapter busy. The largest GPUs have 100 to 150 units that each run several workgroups at a
/// time: fewer workgroups than this leave units idle, and a smaller tile, which loads more for each multiplication, is the
/// lesser loss.
const MACHINE: u32 = 128;

/// Rows up to which the time of a product is that of loading its weight.
const FEW: u32 = 16;

/// A way to compute a product. All tiles that one problem can be computed in on one adapter give the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tile {
    /// What computes it, and the rows and columns of a workgroup: stable, for files that name it.
    pub name: &'static str,
    /// Outputs of a workgroup.
    pub rows: u32,
    pub columns: u32,
    kind: Kind,
    /// The files that are this tile's own.
    parts: &'static [Part],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A CPU vector, its totals in registers.
    Subgroup,
    /// One output a lane.
    Lane,
    /// The lanes of a workgroup split the sums between them.
    Split,
    /// Blocks of both operands in workgroup memory.
    Workgroup,
    /// The same on matrix units: edge of a matrix, lanes of a workgroup, elements of the matrices that its subgroups
    /// write at once.
    Cooperative { edge: u32, lanes: u32, answers: u32 },
}

const fn tile(name: &'static str, rows: u32, columns: u32, kind: Kind, parts: &'static [Part]) -> Tile {
    Tile { name, rows, columns, kind, parts }
}

/// For software adapters whose subgroups are CPU vectors.
const SUBGROUP: &[Tile] = &[
    tile("subgroup_32x64", 32, 64, Kind::Subgroup, &[parts::ROWS_32, parts::TILE_SUBGROUP]),
    tile("subgroup_16x64", 16, 64, Kind::Subgroup, &[parts::ROWS_16, parts::TILE_SUBGROUP]),
    tile("subgroup_8x64", 8, 64, Kind::Subgroup, &[parts::ROWS_8, parts::TILE_SUBGROUP]),
];

/// For software adapters and columns that fill no tile.
const LANE: &[Tile] = &[tile("lane_8x1", 8, 1, Kind::Lane, &[parts::TILE_LANE])];

/// For every adapter. No more than 16 KiB of workgroup memory and 256 lanes, which is what every adapter has.
const WORKGROUP: &[Tile] = &[
    tile("split_4x16", 4, 16, Kind::Split, &[parts::TILE_SPLIT]),
    tile(
        "workgroup_128x128",
        128,
        128,
        Kind::Workgroup,
        &[parts::BLOCK_128X128, parts::LANE_8X8, parts::TILE_WORKGROUP],
    ),
    tile("workgroup_64x128", 64, 128, Kind::Workgroup, &[parts::BLOCK_64X128, parts::LANE_8X8, parts::TILE_WORKGROUP]),
    tile("workgroup_64x64", 64, 64, Kind::Workgroup, &[parts::BLOCK_64X64, parts::LANE_4X4, parts::TILE_WORKGROUP]),
    tile("workgroup_32x64", 32, 64, Kind::Workgroup, &[parts::BLOCK_32X64, parts::LANE_4X4, parts::TILE_WORKGROUP]),
    tile("workgroup_32x32", 32, 32, Kind::Workgroup, &[parts::BLOCK_32X32, parts::LANE_4X4, parts::TILE_WORKGROUP]),
];

impl MatMul {
    /// Every tile worth running on the adapter, of those for many rows the largest first. Where its matrix units are to be used, theirs alone:
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
            return LANE.to_vec();
        }
        WORKGROUP.to_vec()
    }

    /// The tile for that many rows where nothing was measured: the largest that keeps the adapter busy.
    pub fn choose(&self, device: &Capabilities, rows: u32) -> Tile {
        let tiles = self.tiles(device);
        let suits = |tile: &&Tile| match tile.kind {
            // Of those with the most work between loads, the one that compiles in half a second; no rows for nothing.
            Kind::Subgroup => tile.rows <= rows.min(16),
            Kind::Split => rows <= FEW,
            Kind::Workgroup if rows <= FEW => false,
            _ => rows.div_ceil(tile.rows) * self.columns.div_ceil(tile.columns) >= MACHINE,
        };
        *tiles.iter().find(suits).or(tiles.last()).expect("every adapter has a tile")
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
        vec![tile("cooperative_64x64", 64, 64, kind, &[parts::TILE_COOPERATIVE])]
    }
}

impl Tile {
    /// Elements of input and output that it reads and writes at once.
    pub(super) fn chunk(&self, kernel: &MatMul) -> u32 {
        match self.kind {
            Kind::Lane => 1,
            _ if kernel.in_chunks(4) && kernel.inner.is_multiple_of(4) => 4,
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
    pub(super) fn parts(&self, kernel: &MatMul) -> Vec<Part> {
        let element = kernel.element;
        let mut all = match self.kind {
            Kind::Subgroup => vec![parts::wide(element)],
            Kind::Lane => vec![],
            Kind::Split | Kind::Workgroup if self.chunk(kernel) == 4 => vec![parts::FOURS_4],
            Kind::Split | Kind::Workgroup => vec![parts::FOURS_1],
            Kind::Cooperative { edge, .. } => {
                let matrices = if edge == 8 { parts::COOPERATIVE_8 } else { parts::COOPERATIVE_16 };
                vec![matrices, if element == Element::F16 { parts::SPLIT_ONE } else { parts::SPLIT_TWO }]
            }
        };
        all.extend(self.parts);
        all
    }

    /// Values of the overrides of those parts.
    pub(super) fn constants(&self) -> Vec<(&'static str, u32)> {
        match self.kind {
            Kind::Cooperative { lanes, answers, .. } => vec![("LANES", lanes), ("ANSWERS", answers)],
            _ => Vec::new(),
        }
    }
}
