//! BERT-family text classification on any GPU.

pub mod checkpoint;
mod classifier;
mod error;
pub mod gpu;
pub mod kernels;
pub mod models;
mod options;
mod output;
pub mod reference;
pub mod text;

pub use classifier::{Classifier, Label, Request};
pub use error::{Error, Result};
pub use options::{Adapter, Options};
pub use output::{Array, Classification, SequenceClassifierOutput};
pub use text::{Text, Truncation};
