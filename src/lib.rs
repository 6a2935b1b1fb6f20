//! BERT-family text classification on any GPU, with the answers of transformers.
//!
//! The modules are the data flow:
//!
//! 1. [`text`]: text -> tokens
//! 2. [`checkpoint`]: files -> configuration and weights
//! 3. [`models`]: configuration -> description ([`models::Model`]), description -> recording
//!    ([`models::encoder::record`])
//! 4. [`kernels`]: the operations that a recording is made of, each a WGSL file and its CPU twin; [`ir`]: what a recording is
//! 5. [`gpu`]: recording -> device ([`gpu::Plan`]), or [`reference`](mod@reference): recording -> CPU twins
//! 6. `engine`: the texts of many callers -> packed batches -> devices
//! 7. [`SequenceClassifierOutput`], [`TokenClassifierOutput`]: what transformers answers, and the argmax, probabilities and labels it leaves to you
//!
//! [`Classifier`] goes all the way:
//!
//! ```
//! # #[cfg(feature = "embedded")] {
//! let classifier = wgbert::Classifier::sentiment()?;
//! let output = classifier.classify(["This movie was absolutely fantastic."])?;
//! assert_eq!(output.text(0).unwrap().label(), Some("positive"));
//! # }
//! # Ok::<(), wgbert::Error>(())
//! ```
#![warn(missing_debug_implementations)]

#[cfg(feature = "bench")]
pub mod bench;
pub mod checkpoint;
mod classifier;
mod engine;
#[cfg(test)]
#[path = "../tests/common/environment.rs"]
mod environment;
mod error;
pub mod gpu;
mod inspection;
pub mod ir;
pub mod json;
pub mod kernels;
mod label;
pub mod models;
mod oneshot;
mod options;
mod output;
pub mod reference;
mod stream;
pub mod text;

pub use classifier::{Classifier, Memory, Request};
pub use error::{Error, Result};
pub use inspection::Inspection;
pub use label::Label;
pub use models::Task;
pub use options::{Adapter, MatrixUnits, Options, Precision};
pub use output::{
    Aggregation, Array, Classification, Entity, EntityKind, SequenceClassifierOutput, TokenClassification,
    TokenClassifierOutput,
};
pub use stream::{ClassificationIter, ClassificationStream, StreamedClassification, TextBuf};
pub use text::{Text, TextEncoder, Truncation};

/// The README's example, compiled and run.
#[cfg(all(doctest, feature = "embedded"))]
#[doc = include_str!("../README.md")]
struct Readme;
