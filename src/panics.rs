//! Libraries that panic on what a file says: their panics become errors.

use std::cell::Cell;
use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Whether a panic of this thread would become an [`Error`](crate::Error): the panic hook of a program need not report it.
#[cfg_attr(not(feature = "internals"), doc(hidden))]
pub fn panics_are_errors() -> bool {
    GUARDED.get()
}

/// Calls into a library with its panics turned into errors. What it was called on must not be used again after one, unless it is
/// known to be whole. (With `panic = "abort"`, as on wasm32, a panic stays one.)
pub(crate) fn guarded<T, E: Display>(library: &str, call: impl FnOnce() -> Result<T, E>) -> Result<T, String> {
    let outer = GUARDED.replace(true);
    let result = catch_unwind(AssertUnwindSafe(call));
    GUARDED.set(outer);
    match result {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(payload) => {
            let reason = payload
                .downcast_ref::<&str>()
                .copied()
                .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
                .unwrap_or("no reason given");
            Err(format!("the {library} library panicked: {reason}"))
        }
    }
}
