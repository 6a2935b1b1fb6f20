mod error;
pub mod text;

pub use error::{Error, Result};
