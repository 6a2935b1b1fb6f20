//! What a kernel is to the rest: bindings, parameters, a variant and grid for an adapter, and a CPU twin.

use super::{BatchSize, Capabilities, Layout, Rows, Shader, Uniform, Values};
use std::any::Any;
use std::fmt::Debug;

/// How a kernel uses a binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    Read,
    /// Written, every element that the batch has, and not read before.
    Write,
    /// Read and written in place.
    ReadWrite,
}

/// One binding of group 0; `name` and `number` are those of the WGSL.
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

/// What to dispatch: a linked shader and how many workgroups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launch {
    pub shader: Shader,
    pub grid: [u32; 3],
}

/// One operation with its shapes and parameters; a plain value that touches no device.
pub trait Kernel: Any + Debug + Send + Sync {
    /// File stem, module, entry point, pipeline label, test and bench.
    fn name(&self) -> &'static str;

    /// The bindings of group 0, optional ones included, in the order of the operands.
    fn bindings(&self) -> &'static [Binding];

    /// The uniform at group 1, binding 0.
    fn params(&self) -> Uniform;

    /// The variant for an adapter and the grid for a batch, from the same variables. The shader may depend on the batch
    /// only through the number of rows of [`Kernel::varies_with`], rounded up to a power of two. The only place that reads
    /// [`Capabilities`].
    fn launch(&self, device: &Capabilities, batch: &BatchSize) -> Launch;

    /// The rows whose number the variant depends on; none where every batch has the same.
    fn varies_with(&self) -> Option<Rows> {
        None
    }

    /// The grid of [`Kernel::launch`], for a batch whose variant is already there.
    fn grid(&self, device: &Capabilities, batch: &BatchSize) -> [u32; 3] {
        self.launch(device, batch).grid
    }

    /// How an operand lies in its buffer: what kernels compute is always [`Layout::Rows`].
    fn layout(&self, _device: &Capabilities, _binding: &Binding) -> Layout {
        Layout::Rows
    }

    /// Query rows a tile of the tile list that the host makes for this kernel, if it reads one.
    fn tile(&self, _device: &Capabilities) -> Option<u32> {
        None
    }

    /// The CPU twin: plain f32 loops, the specification. Operands are in the order of [`Kernel::bindings`], an absent
    /// one empty; outputs have their size already.
    fn reference(&self, batch: &BatchSize, operands: &mut [Values]);

    /// Multiplications and additions of one launch, each counted.
    fn operations(&self, batch: &BatchSize) -> u64;
}
