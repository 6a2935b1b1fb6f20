//! What a kernel is to the rest: bindings, parameters, a variant and grid for an adapter, and a CPU twin.

use super::{BatchSize, Capabilities, Layout, Rows, Shader, Slots, Tiling, Uniform, Values};
use std::any::Any;
use std::fmt::Debug;

/// Where a kernel finds the uniform with its parameters.
pub const PARAMS: u32 = 14;
/// Where a kernel finds the uniform with the two sizes of the batch.
pub const BATCH: u32 = 15;

/// How a kernel uses a binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    Read,
    /// Written, every element that the batch has, and not read before.
    Write,
    /// Read and written in place.
    ReadWrite,
}

/// One operand's binding, all of which are in group 0; `name` and `number` are those of the WGSL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Binding {
    pub number: u32,
    pub name: &'static str,
    pub access: Access,
}

impl Binding {
    pub(crate) const fn read(number: u32, name: &'static str) -> Binding {
        Binding { number, name, access: Access::Read }
    }

    pub(crate) const fn read_write(number: u32, name: &'static str) -> Binding {
        Binding { number, name, access: Access::ReadWrite }
    }

    pub(crate) const fn write(number: u32, name: &'static str) -> Binding {
        Binding { number, name, access: Access::Write }
    }
}

/// How many workgroups a variant takes, as a rule: it is made with the variant, and a batch only resolves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Grid {
    /// One workgroup for every `per` of the `times` items that each row has, along x; folded over y where a dimension's
    /// limit is passed, which shaders undo with `fold`.
    Folded { rows: Rows, times: u32, per: u32 },
    /// `columns` workgroups along x, one for every `per` rows along y.
    Blocks { columns: u32, rows: Rows, per: u32 },
    /// One workgroup for every tile of queries of one text along x; `heads` along y.
    Tiles { tiling: Tiling, heads: u32 },
    /// One workgroup for every tile that short texts share along x; `heads` along y.
    SharedTiles { slots: Slots, heads: u32 },
    /// One workgroup for every text along x, if one has a length in that range; `heads` along y.
    Texts { shortest: u32, longest: u32, heads: u32 },
}

impl Grid {
    /// A workgroup a row, folded.
    pub const fn each(rows: Rows) -> Grid {
        Grid::Folded { rows, times: 1, per: 1 }
    }

    /// The workgroups along x, y and z for a batch that leaves the launch something to do, where one dimension of a dispatch may have
    /// `limit`.
    pub fn workgroups(self, batch: &BatchSize, limit: u32) -> [u32; 3] {
        match self {
            Grid::Folded { rows, times, per } => {
                let count = (batch.rows(rows) * times).div_ceil(per);
                let width = count.clamp(1, limit);
                [width, count.div_ceil(width).max(1), 1]
            }
            Grid::Blocks { columns, rows, per } => [columns, batch.rows(rows).div_ceil(per), 1],
            Grid::Tiles { tiling, heads } => [batch.tiles(tiling).count() as u32, heads, 1],
            Grid::SharedTiles { slots, heads } => [batch.slots(slots).len() as u32 / slots.count, heads, 1],
            Grid::Texts { heads, .. } => [batch.texts(), heads, 1],
        }
    }
}

/// What to dispatch: a linked shader and how many workgroups of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launch {
    pub shader: Shader,
    pub grid: Grid,
}

impl Launch {
    /// Whether a batch has nothing for it.
    pub fn is_idle(&self, batch: &BatchSize) -> bool {
        let none = |wanted: &dyn Fn(u32) -> bool| !batch.lengths.iter().any(|&length| wanted(length));
        match self.grid {
            Grid::Folded { .. } | Grid::Blocks { .. } => false,
            Grid::Tiles { tiling, .. } => none(&|length| !tiling.is_short(length)),
            Grid::SharedTiles { slots, .. } => none(&|length| length <= slots.longest()),
            Grid::Texts { shortest, longest, .. } => none(&|length| (shortest..=longest).contains(&length)),
        }
    }
}

/// One operation with its shapes and parameters; a plain value that touches no device.
pub trait Kernel: Any + Debug + Send + Sync {
    /// File stem, module, pipeline label, test and bench.
    fn name(&self) -> &'static str;

    /// The operands' bindings, optional ones included, in the order of the operands.
    fn bindings(&self) -> &'static [Binding];

    /// The uniform at binding [`PARAMS`].
    fn params(&self) -> Uniform;

    /// The variant for an adapter and its grid, from the same variables. Both may depend on the batch only through the
    /// number of rows of [`Kernel::varies_with`], rounded up to a power of two. Only this and the methods beside it that take them
    /// read [`Capabilities`].
    fn launch(&self, device: &Capabilities, batch: &BatchSize) -> Launch;

    /// A second launch, for the short texts of any batch, where the kernel has one; [`Kernel::launch`] leaves these texts out.
    fn short_texts(&self, _device: &Capabilities) -> Option<Launch> {
        None
    }

    /// All launches; a batch may leave one idle.
    fn launches(&self, device: &Capabilities, batch: &BatchSize) -> Vec<Launch> {
        [Some(self.launch(device, batch)), self.short_texts(device)].into_iter().flatten().collect()
    }

    /// The shaders that a batch runs.
    fn shaders(&self, device: &Capabilities, batch: &BatchSize) -> Vec<Shader> {
        let launches = self.launches(device, batch).into_iter().filter(|launch| !launch.is_idle(batch));
        launches.map(|launch| launch.shader).collect()
    }

    /// The rows whose number the variant depends on; none where every batch has the same. It is the faster one for so many
    /// rows, and right for any: the self-check runs small batches by the variants of large ones.
    fn varies_with(&self) -> Option<Rows> {
        None
    }

    /// How an operand lies in its buffer: what kernels compute is always [`Layout::Rows`].
    fn layout(&self, _device: &Capabilities, _binding: &Binding) -> Layout {
        Layout::Rows
    }

    /// What the host makes the tile list by, if this kernel reads one.
    fn tiling(&self, _device: &Capabilities) -> Option<Tiling> {
        None
    }

    /// The CPU twin: plain f32 loops, the specification. Operands are in the order of [`Kernel::bindings`], an absent
    /// one empty; outputs have their size already.
    fn reference(&self, batch: &BatchSize, operands: &mut [Values]);

    /// Multiplications and additions of one launch, each counted.
    fn operations(&self, batch: &BatchSize) -> u64;
}
