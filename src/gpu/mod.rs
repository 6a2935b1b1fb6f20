//! Stage 5: recording -> device. The only module that knows wgpu.

mod adapter;
#[cfg(target_arch = "wasm32")]
pub mod browser;
pub mod cache;
mod device;
mod fault;
mod inputs;
mod params;
mod pending;
mod pipeline_cache;
mod pipelines;
mod plan;
mod profile;
mod read_back;
mod room;
mod tuning;
mod upload;
pub mod verified;
#[cfg(not(target_arch = "wasm32"))]
mod waiter;
mod weights;

pub use adapter::{AdapterDescription, Backend, adapters};
pub use device::Gpu;
pub use fault::Fault;
pub use pending::Pending;
pub use plan::Plan;
pub(crate) use profile::Clock;
pub use profile::Timing;
#[cfg(not(target_arch = "wasm32"))]
pub use read_back::block_on;
pub(crate) use read_back::{may_block, without_waiting};
pub use weights::WeightBuffers;
