//! Stage 5: recording -> device. The only module that knows wgpu.

pub mod cache;
mod device;
mod fault;
mod inputs;
mod params;
mod pending;
mod pipeline_cache;
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

pub use device::{AdapterDescription, Backend, Gpu, adapters};
pub use fault::Fault;
pub use pending::Pending;
pub use plan::Plan;
pub(crate) use profile::Clock;
pub use profile::Timing;
pub use read_back::block_on;
pub(crate) use read_back::{may_block, without_waiting};
pub use weights::WeightBuffers;
