//! Stage 5: recording -> device. The only module that knows wgpu.

pub mod cache;
mod capabilities;
mod device;
mod launches;
mod layout;
mod lifetimes;
mod params;
mod pending;
mod pipeline_cache;
mod plan;
mod profile;
mod read_back;
mod recording;
mod run;
mod shader;
mod tuning;
mod upload;
#[cfg(not(target_arch = "wasm32"))]
mod waiter;

pub use capabilities::Capabilities;
pub use device::{AdapterDescription, Backend, Gpu, adapters};
pub use launches::Launches;
pub use layout::Layout;
pub use pending::Pending;
pub use plan::{Plan, WeightBuffers};
pub use profile::Timing;
pub use read_back::block_on;
pub use recording::{Element, Input, Output, Recording, Rows, Source, Step, Storage, Tensor};
pub use run::{Capacity, Run, WeightSource};
pub use shader::{Part, Shader, parts};
pub use tuning::{Problem, Tuning};
