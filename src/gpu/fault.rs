//! What a test makes a device do wrong: every fault that was seen on a real one, without having it.

use crate::ir::{BatchSize, Output, Shader, Values};
use std::fmt::Debug;

/// A device that computes something else than its shaders say.
pub trait Fault: Debug + Send + Sync {
    /// The WGSL that is compiled in the place of a shader's.
    fn source(&self, _shader: &Shader, source: String) -> String {
        source
    }

    /// Changes what is read back of a batch.
    fn spoil(&self, _size: &BatchSize, _outputs: &mut [(Output, Values)]) {}
}
