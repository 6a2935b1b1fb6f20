mod error;
pub mod checkpoint;
pub mod models;
pub mod text;

pub use error::{Error, Result};
