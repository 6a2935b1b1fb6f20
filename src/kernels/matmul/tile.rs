//! The tiles that a matrix product can be computed in: what a workgroup computes, and the files that compute it.

use super::MatMul;
use crate::ir::{Capabilities, Element, Layout, Part, Shader, Storage, part};
use crate::kernels::common;

/// Workgroups that keep an adapter busy. The largest GPUs have 100 to 150 units, each for several workgroups at a time:
/// fewer than this leave units idle, and a smaller tile, which loads more for each multiplication, is the lesser loss.
const TARGET_WORKGROUPS: u32 = 128;

/// Bytes of workgroup memory that leave room for a second workgroup on a core of every GPU.
const SHARED_MEMORY: u32 = 32 << 10;

/// Of a block along k, where the lanes of a workgroup split k.
const SPLIT_K_DEPTH: u32 = 256;

/// Rows (or columns) of a skinny product, at most: its time is that of loading its weight (or input).
const SKINNY_LIMIT: u32 = 16;

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
    /// A subgroup that is one CPU vector, with its accumulators in registers; the weight lies in panels.
    Vec8,
    /// One output a lane.
    Lane { weight: Layout },
    /// Eight columns of all rows a lane.
    Blocked,
    /// The lanes of a workgroup split k between them.
    SplitK,
    /// Blocks of `depth` along k of both operands pass through workgroup memory, `buffers` of them at a time; a lane has `lane`
    /// rows and columns.
    Workgroup { lane: u32, depth: u32, buffers: u32 },
    /// The same on tensor cores, whose matrices lie there as vectors of four or number by number.
    Cooperative { units: Units, vectors: bool, depth: u32, buffers: u32 },
}

/// What tiles on an adapter's tensor cores depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Units {
    /// Of a matrix.
    edge: u32,
    /// Matrices of a subgroup, down and across.
    matrices: [u32; 2],
    /// Smallest and largest subgroup.
    subgroup: (u32, u32),
    /// Subgroups of a workgroup, if all are the largest.
    subgroups: u32,
}

const fn tile(name: &'static str, rows: u32, columns: u32, kind: Kind) -> Tile {
    Tile { name, rows, columns, kind }
}

/// For software adapters whose subgroups are CPU vectors. Tiles of 64 rows, whose accumulators find no registers, were slower.
const VEC8: &[Tile] = &[
    tile("vec8_32x64", 32, 64, Kind::Vec8),
    tile("vec8_16x64", 16, 64, Kind::Vec8),
    tile("vec8_8x64", 8, 64, Kind::Vec8),
];

/// For software adapters and columns that fill no tile.
const LANE: &[Tile] = &[tile("lane_8x1", 8, 1, Kind::Lane { weight: Layout::Rows })];

/// The same where other columns of the weight are multiplied by in the tiles of [`VEC8`].
const LANE_IN_PANELS: &[Tile] = &[tile("lane_8x1", 8, 1, Kind::Lane { weight: Layout::Panels })];

/// For software adapters whose vectors are not known.
const BLOCKED: &[Tile] = &[
    tile("blocked_16x64", 16, 64, Kind::Blocked),
    tile("blocked_8x64", 8, 64, Kind::Blocked),
    tile("blocked_1x64", 1, 64, Kind::Blocked),
];

/// For every adapter and few rows.
const SPLIT_K: &[Tile] = &[tile("split_k_4x16", 4, 16, Kind::SplitK)];

/// For every adapter: no more than 16 KiB of workgroup memory and 256 lanes.
const WORKGROUP: &[Tile] = &[
    block("workgroup_128x128", 128, 128, 8, 8),
    block("workgroup_64x128", 64, 128, 8, 8),
    block("workgroup_64x64", 64, 64, 4, 16),
    block("workgroup_32x64", 32, 64, 4, 16),
    block("workgroup_32x32", 32, 32, 4, 16),
];

const fn block(name: &'static str, rows: u32, columns: u32, lane: u32, depth: u32) -> Tile {
    tile(name, rows, columns, Kind::Workgroup { lane, depth, buffers: 1 })
}

/// A tile's name, rows and columns, the matrices of each subgroup, down and across, and the depth of a block along k.
type Shape = (&'static str, u32, u32, [u32; 2], u32);

/// Matrices of 16, operands as one f16. What an H100 makes of them is in benches/NOTES.md.
const OF_16_F16: &[Shape] = &[
    ("cooperative_128x128", 128, 128, [2, 4], 64),
    // Of four subgroups: two workgroups fit a core of an H100.
    ("cooperative_128x128_of_four", 128, 128, [4, 4], 64),
    // Where workgroup memory is 32 KiB.
    ("cooperative_128x128_shallow", 128, 128, [4, 4], 32),
    ("cooperative_64x128", 64, 128, [2, 4], 32),
    ("cooperative_64x64", 64, 64, [2, 2], 64),
    ("cooperative_32x64", 32, 64, [1, 2], 64),
    ("cooperative_32x32", 32, 32, [1, 1], 64),
];

/// Matrices of 16, operands as two f16: the accumulators of 2 x 4 matrices, and their partial sums over a block, would be more
/// than a lane's registers. Blocks are of one depth, because partial sums are over a block.
const OF_16_F16X2: &[Shape] = &[
    ("cooperative_64x128", 64, 128, [2, 2], 32),
    ("cooperative_64x64", 64, 64, [2, 2], 32),
    ("cooperative_32x64", 32, 64, [1, 2], 32),
    ("cooperative_32x32", 32, 32, [1, 1], 32),
];

/// Matrices of 8, operands as one f16 or two.
const OF_8: &[Shape] = &[
    ("cooperative_64x128", 64, 128, [4, 4], 32),
    ("cooperative_64x64", 64, 64, [4, 4], 32),
    ("cooperative_32x64", 32, 64, [2, 4], 32),
    ("cooperative_32x32", 32, 32, [2, 2], 32),
];

impl MatMul {
    /// Every tile worth running on the adapter, of those for many rows the largest first. Where the adapter's tensor cores are
    /// to be used these are their tiles alone, whose sums round otherwise.
    pub fn tiles(&self, device: &Capabilities) -> Vec<Tile> {
        let cooperative = self.cooperative_tiles(device);
        if !cooperative.is_empty() {
            return cooperative;
        }
        if device.cpu_vectors() && self.inner.is_multiple_of(4) && self.weight_columns.is_multiple_of(8) {
            // Whatever columns are used, the weight lies in its buffer once.
            return if self.in_chunks(8) { VEC8 } else { LANE_IN_PANELS }.to_vec();
        }
        if device.cpu {
            return if self.columns < 32 { LANE } else { BLOCKED }.to_vec();
        }
        let blocks = WORKGROUP.iter().map(|tile| {
            let Kind::Workgroup { lane, depth, .. } = tile.kind else { unreachable!("they all are") };
            // In f32.
            let bytes = 4 * depth * (tile.rows + tile.columns);
            let buffers = if 2 * bytes <= device.workgroup_memory { 2 } else { 1 };
            Tile { kind: Kind::Workgroup { lane, depth, buffers }, ..*tile }
        });
        SPLIT_K.iter().copied().chain(blocks).collect()
    }

    /// The tile for that many rows where nothing was measured: the largest that keeps the adapter busy.
    pub fn choose(&self, device: &Capabilities, rows: u32) -> Tile {
        let tiles = self.tiles(device);
        let suits = |tile: &&Tile| match tile.kind {
            // No rows for nothing.
            Kind::Vec8 | Kind::Blocked => tile.rows <= rows,
            Kind::SplitK => rows.min(self.columns) <= SKINNY_LIMIT,
            _ => rows.div_ceil(tile.rows) * self.columns.div_ceil(tile.columns) >= TARGET_WORKGROUPS,
        };
        *tiles.iter().find(suits).or(tiles.last()).expect("every adapter has a tile")
    }

    /// Whether the used columns of the weight start and end at multiples of `width`.
    fn in_chunks(&self, width: u32) -> bool {
        [self.columns, self.weight_columns, self.first].iter().all(|columns| columns.is_multiple_of(width))
    }

    /// The tiles on tensor cores, where there are any: what is stored as f32 is multiplied as two f16. They are for every size,
    /// so that the rows of a narrower product have the bits of a wider one's.
    pub(super) fn cooperative_tiles(&self, device: &Capabilities) -> Vec<Tile> {
        let (Some(edge), Some(subgroup)) = (device.cooperative_matrix_size, device.subgroup) else { return Vec::new() };
        if !device.tensor_cores() {
            return Vec::new();
        }
        let (shapes, halves) = match (edge, self.storage.activations()) {
            (16, Element::F16) => (OF_16_F16, 1),
            (16, _) => (OF_16_F16X2, 2),
            (_, Element::F16) => (OF_8, 1),
            _ => (OF_8, 2),
        };
        let fitting = shapes.iter().filter_map(|&(name, rows, columns, matrices, depth)| {
            let subgroups = rows * columns / (matrices[0] * matrices[1] * edge * edge);
            let units = Units { edge, matrices, subgroup, subgroups };
            // Blocks in f16, whose rows are eight elements longer; and a matrix of f32 for each subgroup and for those beyond, or
            // two where they cannot be added up.
            let block = 2 * (rows + columns) * (depth + 8);
            let parts = if units.sums() { 1 } else { halves };
            let epilogue = 4 * edge * edge * (subgroups + 1);
            let memory = |buffers: u32| halves * buffers * block + parts * epilogue;
            // A subgroup alone waits for none, and a second block must not keep a second workgroup from the core.
            let two = subgroups > 1 && memory(2) <= SHARED_MEMORY.min(device.workgroup_memory);
            let buffers = if two { 2 } else { 1 };
            let fits = memory(buffers) <= device.workgroup_memory && units.lanes() <= device.workgroup_size;
            let kind = Kind::Cooperative { units, vectors: device.cooperative_vectors, depth, buffers };
            let tile = tile(name, rows, columns, kind);
            (fits && tile.loads_in(4)).then_some(tile)
        });
        fitting.collect()
    }
}

impl Units {
    fn lanes(&self) -> u32 {
        self.subgroups * self.subgroup.1
    }

    /// Whether matrices can be added up: Metal's, of 8, cannot.
    fn sums(&self) -> bool {
        self.edge == 16
    }
}

impl Tile {
    /// Elements of input and output that it reads and writes at once.
    pub(super) fn chunk(&self, kernel: &MatMul) -> u32 {
        match self.kind {
            Kind::Lane { .. } => 1,
            _ if kernel.in_chunks(4) && kernel.inner.is_multiple_of(4) => 4,
            _ => 1,
        }
    }

    /// Whether the lanes of a tile on tensor cores have equally many loads of so many elements.
    fn loads_in(&self, packet: u32) -> bool {
        let Kind::Cooperative { units, depth, .. } = self.kind else { return false };
        [self.rows, self.columns].iter().all(|side| (side * depth / packet).is_multiple_of(units.lanes()))
    }

    /// How the weight lies in its buffer.
    pub fn layout(&self) -> Layout {
        match self.kind {
            Kind::Vec8 => Layout::Panels,
            Kind::Lane { weight } => weight,
            Kind::Cooperative { .. } => Layout::Columns,
            _ => Layout::Rows,
        }
    }

    /// The files that compute it.
    pub(super) fn parts(&self, kernel: &MatMul, chunk: u32) -> Vec<Part> {
        let storage = kernel.storage;
        let weight = common::weight(storage, chunk);
        let operands = if chunk == 4 {
            vec![weight, part!("matmul/packet_vec4"), part!("matmul/operand_packets")]
        } else {
            vec![weight, part!("matmul/operand_scalar")]
        };
        match self.kind {
            Kind::Vec8 => {
                vec![common::wide(storage.weights()), part!("cpu/weight_panels"), part!("cpu/tile_vec8")]
            }
            Kind::Lane { weight: Layout::Panels } => vec![weight, part!("cpu/weight_panels"), part!("cpu/tile_lane")],
            Kind::Lane { .. } => vec![weight, part!("cpu/weight_rows"), part!("cpu/tile_lane")],
            Kind::Blocked => [operands, vec![part!("matmul/weight_by_rows"), part!("cpu/tile_blocked")]].concat(),
            Kind::SplitK => [operands, vec![part!("matmul/weight_by_rows"), part!("matmul/split_k")]].concat(),
            Kind::Workgroup { .. } => {
                let [rows, fetch] = [part!("matmul/weight_by_rows"), part!("matmul/fetch")];
                [operands, vec![rows, fetch, part!("matmul/lanes"), part!("matmul/tile_workgroup")]].concat()
            }
            Kind::Cooperative { units, vectors, .. } => {
                let [columns, fetch] = [part!("matmul/weight_by_columns"), part!("matmul/fetch")];
                let lds = if vectors { part!("common/lds_vec4") } else { part!("common/lds_scalar") };
                let in_eights = chunk == 4 && kernel.inner.is_multiple_of(8) && self.loads_in(8);
                let eights = storage == Storage::F16 && in_eights;
                let mut parts =
                    if eights { vec![part!("matmul/packet_eight"), part!("matmul/operand_packets")] } else { operands };
                parts.extend([columns, fetch, common::cooperative(units.edge), lds]);
                match (storage.activations(), units.sums()) {
                    (Element::F16, _) => parts.push(part!("matmul/operand_f16")),
                    (_, true) => parts.extend([part!("matmul/operand_f16x2"), part!("matmul/parts_summed")]),
                    (_, false) => parts.extend([part!("matmul/operand_f16x2"), part!("matmul/parts_stored")]),
                }
                parts.extend([part!("matmul/matrices"), part!("matmul/tile_cooperative")]);
                parts
            }
        }
    }

    /// `shader` with the sizes and overrides of those files.
    pub(super) fn size(&self, shader: Shader, kernel: &MatMul) -> Shader {
        let shader = shader.size("ROWS", self.rows).size("COLUMNS", self.columns);
        let fours = self.chunk(kernel) == 4;
        // Nothing is beyond the last k of a block then.
        let whole = |shader: Shader, depth: u32| {
            if fours { shader.size("WHOLE_BLOCKS", kernel.inner.is_multiple_of(depth).into()) } else { shader }
        };
        match self.kind {
            _ if self.layout() == Layout::Panels => shader.constant("PANEL", Layout::PANEL as u32),
            Kind::Cooperative { units, depth, buffers, .. } => whole(shader, depth)
                .size("DEPTH", depth)
                .size("MATRICES_DOWN", units.matrices[0])
                .size("MATRICES_ACROSS", units.matrices[1])
                .size("LANES", units.lanes())
                .constant("BUFFERS", buffers),
            Kind::Workgroup { lane, depth, buffers } => whole(shader, depth)
                .size("DEPTH", depth)
                .size("LANE_ROWS", lane)
                .size("LANE_COLUMNS", lane)
                .constant("BUFFERS", buffers),
            Kind::Blocked => whole(shader, 4),
            Kind::SplitK => whole(shader, SPLIT_K_DEPTH),
            _ => shader,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::{Rows, Storage};
    use crate::kernels::Activation;

    fn chosen(device: &Capabilities, storage: Storage, inner: u32, columns: u32) -> Vec<&'static str> {
        let product = MatMul {
            rows: Rows::Tokens,
            inner,
            columns,
            weight_columns: columns,
            first: 0,
            activation: Activation::Identity,
            bias: false,
            residual: false,
            storage,
            output: storage.activations(),
        };
        [1, 16, 128, 1024, 8192].map(|rows| product.choose(device, rows).name).to_vec()
    }

    #[test]
    fn tiles_grow_with_the_rows() {
        let card = Capabilities { f16: true, workgroup_memory: 49152, ..Capabilities::minimum() };
        let units = Capabilities { cooperative_matrix_size: Some(16), subgroup: Some((32, 32)), ..card.clone() };
        let cpu = Capabilities { cpu: true, int64: true, subgroup: Some((8, 8)), ..card.clone() };
        let expected = ["split_k_4x16", "split_k_4x16", "workgroup_32x32", "workgroup_64x64", "workgroup_128x128"];
        assert_eq!(chosen(&card, Storage::F32, 768, 768), expected);
        let expected = ["split_k_4x16"; 5];
        assert_eq!(chosen(&card, Storage::F32, 768, 3), expected, "few columns");
        let [few, many] = ["cooperative_32x32", "cooperative_128x128"];
        assert_eq!(chosen(&units, Storage::F16, 768, 768), [few, few, few, "cooperative_64x64", many]);
        assert_eq!(chosen(&units, Storage::F16, 768, 3072)[2..], ["cooperative_32x64", many, many]);
        assert_eq!(chosen(&units, Storage::F32, 768, 768)[4], "cooperative_64x128", "no larger one of two f16");
        let expected = ["vec8_8x64", "vec8_16x64", "vec8_32x64", "vec8_32x64", "vec8_32x64"];
        assert_eq!(chosen(&cpu, Storage::F32, 768, 768), expected);
        let browser = Capabilities { cpu: true, ..Capabilities::minimum() };
        let expected = ["blocked_1x64", "blocked_16x64", "blocked_16x64", "blocked_16x64", "blocked_16x64"];
        assert_eq!(chosen(&browser, Storage::F32, 768, 768), expected, "a software adapter in a browser");
        assert_eq!(chosen(&browser, Storage::F32, 768, 3), ["lane_8x1"; 5], "few columns");
    }
}
