//! BERT-family text classification on any GPU.

pub mod checkpoint;
mod error;
pub mod gpu;
pub mod kernels;
pub mod models;
pub mod reference;
pub mod text;

pub use error::{Error, Result};
