//! BERT-family text classification on any GPU, with the answers of transformers.
//!
//! The modules are the data flow:
//!
//! 1. [`text`]: text -> tokens
//! 2. [`checkpoint`]: files -> configuration and weights
//! 3. `models`: configuration -> description (`models::Model`), description -> recording
//!    (`models::encoder::record`)
//! 4. `kernels`: the operations that a recording is made of, each a WGSL file and its CPU twin; `ir`: what a recording is
//! 5. `gpu`: recording -> device (`gpu::Plan`), or `reference`: recording -> CPU twins
//! 6. `engine`: the texts of many callers -> packed batches -> devices
//! 7. [`SequenceClassifierOutput`], [`TokenClassifierOutput`]: what transformers answers, and the argmax, probabilities and labels it
//!    leaves to you
//! 8. `evaluation` (feature `evaluate`): answers and what is right -> how well a model answers
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
//!
//! What this page lists, [`text`] and `checkpoint::hub` are what is promised under semantic versioning. The layers below them are
//! public only with the feature `internals`, for the command line, the tests and the benches of this package, and promise nothing.
#![cfg_attr(not(feature = "internals"), warn(missing_docs))]
#![cfg_attr(feature = "internals", warn(unreachable_pub))]
// What only the command line, tests and benches use is not compiled away without them: the layers would be full of conditions.
#![cfg_attr(not(feature = "cli"), allow(dead_code, unused_imports))]
// The same types as elsewhere, where devices may go to other threads.
#![cfg_attr(target_arch = "wasm32", allow(clippy::arc_with_non_send_sync))]

#[cfg(feature = "bench")]
pub mod bench;

// What its modules share is public within them, and none of it leaves `cli`, but `main`.
#[cfg(feature = "cli")]
#[allow(unreachable_pub, reason = "the modules of the command line are read as a program's")]
pub mod cli;

#[cfg(feature = "internals")]
pub mod gpu;
#[cfg(not(feature = "internals"))]
mod gpu;

#[cfg(feature = "internals")]
pub mod ir;
#[cfg(not(feature = "internals"))]
mod ir;

#[cfg(feature = "internals")]
pub mod json;
#[cfg(not(feature = "internals"))]
mod json;

#[cfg(feature = "internals")]
pub mod kernels;
#[cfg(not(feature = "internals"))]
mod kernels;

#[cfg(feature = "internals")]
pub mod models;
#[cfg(not(feature = "internals"))]
mod models;

#[cfg(feature = "internals")]
pub mod reference;
#[cfg(not(feature = "internals"))]
mod reference;

pub mod checkpoint;
mod classifier;
mod engine;
#[cfg(test)]
#[path = "../tests/common/environment.rs"]
#[allow(unreachable_pub, reason = "test binaries share the file")]
mod environment;
mod error;
#[cfg(feature = "evaluate")]
pub mod evaluation;
mod folder;
mod inspection;
mod label;
mod oneshot;
mod options;
mod output;
mod panics;
#[cfg(feature = "rows")]
pub mod rows;
mod stream;
pub mod text;
#[cfg(not(target_arch = "wasm32"))]
mod threads;

pub use checkpoint::{ProblemType, Scoring};
pub use classifier::{Classifier, Memory, Request, ZeroShot};
#[cfg(all(feature = "internals", not(target_arch = "wasm32")))]
pub use engine::self_check::answer_self_checks;
pub use error::{Error, Result};
pub use gpu::Backend;
#[cfg(feature = "internals")]
pub use inspection::Inspection;
pub use label::Label;
pub use models::Task;
pub use options::{Adapter, Checked, Options, Precision, SelfCheck, TensorCores};
pub use output::{
    Aggregation, AnswerWithout, Array, Classification, Entity, EntityKind, ExplainedPart, ExplainedToken, Explanation,
    OwnedClassification, PairScore, Ranked, SequenceClassifierOutput, TokenClassification, TokenClassifierOutput,
    ZeroShotAnswer,
};
#[cfg(not(target_arch = "wasm32"))]
pub use stream::{AnswerIter, ClassificationIter, PairScoreIter, ZeroShotIter};
pub use stream::{AnswerStream, ClassificationStream, PairScoreStream, TextBuf, ZeroShotStream};
pub use text::{PairTruncation, Text, TextEncoder, Truncation, Windows};

/// The README's example, compiled and run.
#[cfg(all(doctest, feature = "embedded"))]
#[doc = include_str!("../README.md")]
struct Readme;
