//! How configs write the base of rotary positions: `rope_parameters` since transformers 5, a field of its own before.

use crate::checkpoint::Config;
use crate::error::{Error, Result};
use serde::Deserialize;

/// One entry of `rope_parameters`.
#[derive(Debug, Deserialize)]
pub(super) struct Rope {
    rope_type: Option<String>,
    rope_theta: Option<f64>,
}

/// The base of the angles: that of `rope`, else the older field's, else the architecture's own. `name` says which in errors.
pub(super) fn theta(config: &Config, name: &str, rope: Option<&Rope>, older: Option<f64>, default: f64) -> Result<f64> {
    if let Some(kind) = rope.and_then(|rope| rope.rope_type.as_deref()).filter(|kind| *kind != "default") {
        return Err(config.unsupported(&format!("rope_type {kind:?}"), "default"));
    }
    let theta = rope.and_then(|rope| rope.rope_theta).or(older).unwrap_or(default);
    if theta.is_finite() && theta > 0.0 {
        Ok(theta)
    } else {
        Err(Error::malformed(config.path(), format!("{name} is {theta}; expected a positive number")))
    }
}
