//! Stage 5: recording -> device. The only module that knows wgpu.

pub mod cache;
mod device;
mod params;
mod pending;
mod pipeline_cache;
mod plan;
mod profile;
mod read_back;
mod tuning;
mod upload;

pub use device::{AdapterDescription, Backend, Gpu, adapters};
pub use pending::Pending;
pub use plan::{Plan, WeightBuffers};
pub use profile::Timing;
pub use read_back::block_on;
