//! The classifier from outside: who computes the answers, what becomes of bad input, and what a device may do to it.

mod common;

#[path = "classifier/answers.rs"]
mod answers;
#[path = "classifier/cache.rs"]
mod cache;
#[path = "classifier/device.rs"]
mod device;
#[path = "classifier/explain.rs"]
mod explain;
#[path = "classifier/faults.rs"]
mod faults;
#[path = "classifier/memory.rs"]
mod memory;
#[path = "classifier/sentiment.rs"]
mod sentiment;
#[path = "classifier/windows.rs"]
mod windows;

use std::path::{Path, PathBuf};
use wgbert::{Array, Error};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// Largest absolute difference; a NaN is infinitely far from anything.
fn difference(actual: &[f32], expected: impl IntoIterator<Item = f64>) -> f64 {
    let distance = |(&a, e): (&f32, f64)| if a.is_nan() { f64::INFINITY } else { (f64::from(a) - e).abs() };
    actual.iter().zip(expected).map(distance).fold(0.0, f64::max)
}

fn array_difference(a: &Array, b: &Array) -> f64 {
    assert_eq!(a.shape, b.shape);
    difference(&a.values, b.values.iter().map(|&value| f64::from(value)))
}

/// Checks that an error says all of `parts`.
#[track_caller]
fn says<T: std::fmt::Debug>(result: wgbert::Result<T>, parts: &[&str]) -> Error {
    let error = result.expect_err("this must fail");
    let message = error.to_string();
    for part in parts {
        assert!(message.contains(part), "{message:?} does not say {part:?}");
    }
    error
}
