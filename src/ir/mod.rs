//! What the stages hand each other: a [`Recording`] of kernels over tensors, and what a kernel may ask of an adapter.
//!
//! No wgpu, no model, no file: everything else may import this module, and it imports nothing but errors.

mod batch;
mod capabilities;
mod kernel;
mod launches;
mod layout;
mod lifetimes;
mod random;
mod recording;
mod shader;
mod tensor;
mod tuning;
pub(crate) mod uniform;
mod unroll;
mod weight;

pub use batch::{BatchLimits, BatchSize, Run, Slots, Tiling};
pub use capabilities::Capabilities;
pub use kernel::{Access, BATCH, Binding, Grid, Kernel, Launch, PARAMS};
pub use launches::Launches;
pub use layout::Layout;
pub(crate) use lifetimes::share;
pub use random::Random;
pub use recording::{Input, Output, Recording, Source, Step};
pub(crate) use shader::part;
pub use shader::{Part, Shader};
pub use tensor::{Element, Rows, Storage, Tensor, UNWRITTEN, Values};
pub use tuning::{MatmulShape, Tuning};
pub use uniform::{Field, Scalar, Uniform};
pub use weight::{Role, Weight, WeightSource};
