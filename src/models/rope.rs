//! Rotary positions as configs describe them (transformers modeling_rope_utils.py): since transformers 5 all of it stands
//! in `rope_parameters`, into which the older fields are merged (`RotaryEmbeddingConfigMixin`, and ModernBERT's own
//! `convert_rope_params_to_dict`); before, `rope_scaling` stood beside a base.

use super::Attention;
use crate::checkpoint::Config;
use crate::error::{Error, Result};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::f64::consts::PI;
use std::sync::Arc;

/// How the layers of one kind rotate q and k.
#[derive(Clone, Debug)]
pub(super) struct Rope {
    /// Of the angle of each pair of columns: what it grows by from token to token.
    frequencies: Arc<[f64]>,
    /// What q and k are each multiplied by.
    attention_factor: f64,
}

/// What the rotation depends on beside its own parameters.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub head_width: usize,
    /// `max_position_embeddings`.
    pub positions: usize,
}

/// Which transformers' rules of merging hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rules {
    /// 4.57: `rope_scaling` is read as it stands, and what stands beside it is not merged.
    Older,
    /// 5.x.
    Merged,
}

/// The fields of a config that say how to rotate. Those of one entry of `rope_parameters` are [`Parameters`].
#[derive(Debug, Deserialize)]
struct Fields {
    rope_parameters: Option<Map<String, Value>>,
    rope_scaling: Option<Map<String, Value>>,
    rope_theta: Option<f64>,
    partial_rotary_factor: Option<f64>,
    original_max_position_embeddings: Option<f64>,
    head_dim: Option<usize>,
}

#[derive(Debug, Deserialize)]
struct Parameters {
    rope_type: Option<String>,
    /// What `rope_type` was called at first.
    r#type: Option<String>,
    rope_theta: Option<f64>,
    partial_rotary_factor: Option<f64>,
    factor: Option<f64>,
    original_max_position_embeddings: Option<f64>,
    attention_factor: Option<f64>,
    beta_fast: Option<f64>,
    beta_slow: Option<f64>,
    mscale: Option<f64>,
    mscale_all_dim: Option<f64>,
    truncate: Option<bool>,
}

impl Rope {
    /// Of a model whose layers all rotate alike: `RotaryEmbeddingConfigMixin.convert_rope_params_to_dict`, whose
    /// `rope_scaling` replaces `rope_parameters`. `theta` is the architecture's `default_theta`.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a rotation that is not computed, [`Error::Malformed`] for parameters that it lacks.
    pub(super) fn of_model(config: &Config, shape: Shape, theta: f64) -> Result<Rope> {
        let fields = Fields::read(config, shape)?;
        let scaling = fields.rope_scaling.filter(|scaling| !scaling.is_empty());
        let mut merged = scaling.or(fields.rope_parameters).unwrap_or_default();
        set_default(&mut merged, "rope_theta", Some(fields.rope_theta.unwrap_or(theta)));
        set_default(&mut merged, "partial_rotary_factor", fields.partial_rotary_factor);
        if let Some(positions) = fields.original_max_position_embeddings {
            merged.insert("original_max_position_embeddings".into(), positions.into());
        }
        Rope::of_entry(config, "rope_parameters", merged, shape, Rules::Merged)
    }

    /// Of ModernBERT's layers of the type `layers`: `ModernBertConfig.convert_rope_params_to_dict`, and where an older
    /// transformers wrote the config `ModernBertAttention` of 4.57. `theta` is the base that the config's field of its own
    /// gives these layers.
    ///
    /// # Errors
    /// As [`Rope::of_model`].
    pub(super) fn of_layers(config: &Config, layers: &str, shape: Shape, theta: f64) -> Result<Rope> {
        let fields = Fields::read(config, shape)?;
        let name = format!("rope_parameters of {layers}");
        let scaling = fields.rope_scaling.unwrap_or_default();
        if fields.rope_parameters.is_none() && !config.is_of_transformers_5() {
            let mut entry = scaling;
            entry.insert("rope_theta".into(), theta.into());
            entry.remove("partial_rotary_factor");
            set_default(&mut entry, "partial_rotary_factor", fields.partial_rotary_factor);
            return Rope::of_entry(config, "rope_scaling", entry, shape, Rules::Older);
        }
        let mut entry = match fields.rope_parameters.and_then(|mut all| all.remove(layers)) {
            Some(Value::Object(entry)) => entry,
            Some(other) => return Err(Error::malformed(config.path(), format!("{name} is {other}, not an object"))),
            None => Map::from_iter([("rope_type".to_string(), "default".into())]),
        };
        entry.extend(scaling);
        set_default(&mut entry, "rope_theta", Some(theta));
        set_default(&mut entry, "partial_rotary_factor", fields.partial_rotary_factor);
        // It is looked for beside the layers' entries, where it cannot stand.
        entry.remove("truncate");
        Rope::of_entry(config, &name, entry, shape, Rules::Merged)
    }

    /// Makes the attention rotate q and k so.
    pub(super) fn rotate(&self, attention: &mut Attention) {
        attention.rotary = Some(self.frequencies.clone());
        // Of q and of k: the scale has both factors, so that the angle 0 leaves a first token's query as it is.
        attention.scale *= (self.attention_factor * self.attention_factor) as f32;
    }

    fn of_entry(config: &Config, name: &str, entry: Map<String, Value>, shape: Shape, rules: Rules) -> Result<Rope> {
        let malformed = |message: String| Error::malformed(config.path(), message);
        let read = serde_json::from_value(Value::Object(entry));
        let parameters: Parameters = read.map_err(|error| malformed(format!("{name}: {error}")))?;
        let positive = |field: &str, value: Option<f64>| match value {
            Some(value) if value.is_finite() && value > 0.0 => Ok(value),
            Some(value) => Err(malformed(format!("{field} of {name} is {value}; expected a positive number"))),
            None => Err(malformed(format!("{name} has no {field}"))),
        };
        let kind = parameters.rope_type.as_deref().or(parameters.r#type.as_deref()).unwrap_or("default");
        let theta = positive("rope_theta", parameters.rope_theta)?;
        // Transformers 5 rotates whole heads where nothing is scaled.
        let whole = kind == "default" && rules == Rules::Merged;
        let part = parameters.partial_rotary_factor.filter(|_| !whole).unwrap_or(1.0);
        let rotated = (shape.head_width as f64 * part) as usize;
        // An odd width is rounded up, and the exponents are of the odd one.
        if rotated.next_multiple_of(2) != shape.head_width || (kind == "yarn" && !rotated.is_multiple_of(2)) {
            return Err(config.unsupported(
                &format!("partial_rotary_factor {part} of heads of {} columns", shape.head_width),
                "rotations of whole heads",
            ));
        }
        let exponents = (0..rotated.div_ceil(2)).map(|pair| 2.0 * pair as f64 / rotated as f64);
        let frequencies = exponents.map(|exponent| theta.powf(-exponent));
        let (frequencies, attention_factor): (Arc<[f64]>, f64) = match kind {
            "default" => (frequencies.collect(), 1.0),
            "linear" => {
                let factor = positive("factor", parameters.factor)?;
                (frequencies.map(|frequency| frequency / factor).collect(), 1.0)
            }
            // The base grows with texts that are longer than the positions, and none is.
            "dynamic" => positive("factor", parameters.factor).map(|_| (frequencies.collect(), 1.0))?,
            "yarn" => {
                let original = parameters.original_max_position_embeddings.unwrap_or(shape.positions as f64);
                let original = positive("original_max_position_embeddings", Some(original))?;
                let factor = match (parameters.factor, rules) {
                    (None, Rules::Merged) => shape.positions as f64 / original,
                    (factor, _) => positive("factor", factor)?,
                };
                let ramp = parameters.ramp(rotated, theta, original);
                let scaled = frequencies.zip(ramp).map(|(frequency, share)| {
                    // `share` of it is interpolated, the rest stays.
                    frequency / factor * share + frequency * (1.0 - share)
                });
                (scaled.collect(), parameters.attention_factor(factor))
            }
            other => {
                return Err(config.unsupported(&format!("rope_type {other:?}"), "default, linear, dynamic and yarn"));
            }
        };
        if frequencies.iter().chain([&attention_factor]).all(|number| number.is_finite()) {
            Ok(Rope { frequencies, attention_factor })
        } else {
            Err(malformed(format!("{name} asks for angles that are no numbers")))
        }
    }
}

impl Parameters {
    /// Of each frequency the share that is divided by the factor (`_compute_yarn_parameters`): none of those that turn more
    /// than `beta_fast` times within the original positions, all of those that turn less than `beta_slow` times.
    fn ramp(&self, rotated: usize, theta: f64, original: f64) -> impl Iterator<Item = f64> + use<> {
        let given = |value: Option<f64>, default| value.filter(|value| *value != 0.0).unwrap_or(default);
        let width = rotated as f64;
        let pair_that_turns = |times: f64| width * (original / (times * 2.0 * PI)).ln() / (2.0 * theta.ln());
        let (mut low, mut high) =
            (pair_that_turns(given(self.beta_fast, 32.0)), pair_that_turns(given(self.beta_slow, 1.0)));
        if self.truncate.unwrap_or(true) {
            (low, high) = (low.floor(), high.ceil());
        }
        let (low, mut high) = (low.max(0.0), high.min(width - 1.0));
        if low == high {
            high += 0.001;
        }
        (0..rotated / 2).map(move |pair| ((pair as f64 - low) / (high - low)).clamp(0.0, 1.0))
    }

    fn attention_factor(&self, factor: f64) -> f64 {
        let growth = |weight: f64| if factor <= 1.0 { 1.0 } else { 0.1 * weight * factor.ln() + 1.0 };
        let weights =
            (self.mscale.filter(|weight| *weight != 0.0), self.mscale_all_dim.filter(|weight| *weight != 0.0));
        self.attention_factor.unwrap_or_else(|| match weights {
            (Some(numerator), Some(denominator)) => growth(numerator) / growth(denominator),
            _ => growth(1.0),
        })
    }
}

impl Fields {
    fn read(config: &Config, shape: Shape) -> Result<Fields> {
        let fields: Fields = config.parse()?;
        if fields.head_dim.is_some_and(|width| width != shape.head_width) || !shape.head_width.is_multiple_of(2) {
            return Err(config.unsupported("a head_dim that is odd or not hidden_size / heads", "the others"));
        }
        Ok(fields)
    }
}

/// Python's `setdefault`, where there is something to set.
fn set_default(entry: &mut Map<String, Value>, field: &str, value: Option<f64>) {
    if let Some(value) = value {
        entry.entry(field).or_insert_with(|| value.into());
    }
}
