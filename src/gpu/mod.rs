//! Stage 5: recording -> device. The only module that knows wgpu.

mod capabilities;
mod device;
mod launches;
mod plan;
mod profile;
mod recording;
mod shader;

pub use capabilities::Capabilities;
pub use device::{AdapterDescription, Backend, Gpu, adapters};
pub use launches::Launches;
pub use plan::{Capacity, Plan, Run, WeightBuffers, WeightSource, block_on};
pub use profile::Timing;
pub use recording::{Element, Input, Output, Recording, Rows, Source, Step, Tensor};
pub use shader::{Part, Shader, parts};
