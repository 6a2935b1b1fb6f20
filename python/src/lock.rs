//! The interpreter's lock, where another library calls this one.

use pyo3::ffi::{self, PyGILState_STATE};
use pyo3::prelude::*;

/// The lock, as Python's own count of it has it.
struct Held(PyGILState_STATE);

impl Drop for Held {
    fn drop(&mut self) {
        // SAFETY: it was taken on this thread, and what was taken since was given back.
        #[allow(unsafe_code, reason = "the interpreter's C interface")]
        unsafe {
            ffi::PyGILState_Release(self.0)
        };
    }
}

/// Runs with the interpreter's lock, whether this thread has it or not; `None` where the interpreter has ended.
///
/// pyo3 takes this thread to have it where a call of this extension further up had it, though a library in between may have let it
/// go: as polars does, which reads a stream of ours, called by us.
pub fn with_lock<T>(run: impl FnOnce(Python<'_>) -> T) -> Option<T> {
    // SAFETY: an interpreter that runs counts how often a thread took the lock, and any thread may ask for it.
    #[allow(unsafe_code, reason = "the interpreter's C interface")]
    let _held = unsafe {
        if ffi::Py_IsInitialized() == 0 {
            return None;
        }
        Held(ffi::PyGILState_Ensure())
    };
    Python::try_attach(run)
}
