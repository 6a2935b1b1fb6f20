//! What is chosen of how to compute: how numbers are stored, whether on tensor cores, and when an adapter is checked.

use crate::error::{Error, Result};
use crate::gpu::AdapterDescription;
use crate::ir::{Capabilities, Storage};
use std::env;
use std::str::FromStr;

/// What weights and activations are stored as on the device. Sums, norms, softmax and logits are f32 either way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// transformers' answers to a few last digits of f32.
    #[default]
    F32,
    /// Half the memory: each stored number keeps 11 bits and must stay below 65504. Where shaders have no f16, activations
    /// stay f32, and only the weights take half.
    F16,
    /// f16 where shaders have it, f32 on other adapters and on the reference. [`Classifier::precision`](crate::Classifier::precision) says which it became.
    Auto,
}

impl Precision {
    /// As an adapter that offers this stores them.
    #[cfg_attr(not(feature = "internals"), doc(hidden))]
    pub fn storage(self, device: &Capabilities) -> Storage {
        match self {
            Precision::F16 | Precision::Auto if device.f16 => Storage::F16,
            Precision::F32 | Precision::Auto => Storage::F32,
            Precision::F16 => Storage::PackedWeights,
        }
    }

    /// What [`Precision::Auto`] is on an adapter that offers this; the others stay what they are.
    #[cfg_attr(not(feature = "internals"), doc(hidden))]
    pub fn on(self, device: &Capabilities) -> Precision {
        match self.storage(device) {
            Storage::F32 => Precision::F32,
            Storage::F16 | Storage::PackedWeights => Precision::F16,
        }
    }

    /// Whether an adapter can store so, which all can, or the reference, which is none.
    ///
    /// # Errors
    /// [`Error::Adapter`] if not.
    #[cfg_attr(not(feature = "internals"), doc(hidden))]
    pub fn check(self, adapter: Option<&AdapterDescription>) -> Result<()> {
        if self != Precision::F16 || adapter.is_some() {
            return Ok(());
        }
        let message = "computes in f32 only: use `Precision::F32`".into();
        Err(Error::Adapter { adapter: "reference".into(), message })
    }
}

/// When to multiply on an adapter's tensor cores (cooperative matrices, an experimental feature of wgpu; tensor cores,
/// simdgroup matrices). What is stored as f32 is multiplied in two parts of 11 bits there: logits differ in the last digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TensorCores {
    /// Where `wgbert tune` found on this adapter that they give the right answers, and faster. Where it was not run: on an
    /// adapter that has any and is no software, if it is checked, since one whose tensor cores compute something wrong then
    /// answers without them. What is stored as f32 takes three products there, and so only matrices of 16 x 16: those of
    /// 8 x 8 are a GPU's own arithmetic in other words.
    #[default]
    Auto,
    /// On an adapter that has any; [`Error::NoTensorCores`] on others.
    Always,
    /// On no adapter.
    Never,
}

impl TensorCores {
    /// Whether what was asked for can be had of an adapter, as kernels see it ([`effective_capabilities`](super::Options::effective_capabilities)), or of the
    /// reference, which is none.
    ///
    /// # Errors
    /// [`Error::NoTensorCores`] if not.
    #[cfg_attr(not(feature = "internals"), doc(hidden))]
    pub fn check(self, adapter: Option<&AdapterDescription>) -> Result<()> {
        let any = adapter.is_some_and(|adapter| adapter.capabilities.tensor_cores());
        if self != TensorCores::Always || any {
            return Ok(());
        }
        let adapter = adapter.map_or("reference".into(), |adapter| adapter.name.clone());
        Err(Error::NoTensorCores { adapter })
    }
}

/// When an adapter has to show that it computes what the CPU twins of the kernels do, before it answers and while it does.
///
/// What a check is, and what is guaranteed, is in `docs/verification.md`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SelfCheck {
    /// Before a batch first needs a variant of a kernel on an adapter, and again after a change of its driver or of this
    /// crate; then in every batch of a call that has some thousand tokens, and in every 64th of others.
    #[default]
    Auto,
    /// The same in every classifier, whatever was found before, and in every batch.
    Always,
    /// Never: what a wrong driver computes is answered.
    Never,
}

/// What is known of whether an adapter computes what the CPU twins of the kernels do. Of one that does not, however it is used,
/// there is no answer, but [`Error::WrongAnswers`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Checked {
    /// There is no adapter: the CPU twins themselves answer.
    Reference,
    /// Nothing, because nobody wants to know ([`SelfCheck::Never`]).
    Never,
    /// Nothing yet: what a batch needs is checked when there is one.
    NotYet,
    /// It computed what the batches so far needed.
    Passed {
        /// With how much of what it offers: `as it is`, or in words what is left out because it was wrong.
        used: &'static str,
    },
}

impl FromStr for SelfCheck {
    type Err = String;

    /// `auto`, which nothing is too, `always` or `never`.
    fn from_str(text: &str) -> Result<SelfCheck, String> {
        match text {
            "" | "auto" => Ok(SelfCheck::Auto),
            "always" => Ok(SelfCheck::Always),
            "never" => Ok(SelfCheck::Never),
            _ => Err(format!("{text:?} is none of auto, always, never")),
        }
    }
}

impl SelfCheck {
    /// `WGBERT_SELF_CHECK`, where it says something that is known.
    pub(super) fn of_environment() -> SelfCheck {
        let Ok(text) = env::var("WGBERT_SELF_CHECK") else { return SelfCheck::default() };
        text.parse().unwrap_or_else(|error| {
            log::warn!("WGBERT_SELF_CHECK: {error}");
            SelfCheck::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f16_is_stored_as_the_adapter_can_and_refused_by_the_reference() {
        let without = Capabilities::minimum();
        assert_eq!(Precision::F16.storage(&without), Storage::PackedWeights);
        assert_eq!(Precision::F16.storage(&Capabilities { f16: true, ..without.clone() }), Storage::F16);
        assert_eq!(Precision::F32.storage(&without), Storage::F32);
        let with = Capabilities { f16: true, ..without.clone() };
        assert_eq!([&without, &with].map(|seen| Precision::Auto.storage(seen)), [Storage::F32, Storage::F16]);
        assert_eq!([&without, &with].map(|seen| Precision::Auto.on(seen)), [Precision::F32, Precision::F16]);
        Precision::Auto.check(None).unwrap();
        let error = Precision::F16.check(None).unwrap_err().to_string();
        assert!(error.contains("reference") && error.contains("`Precision::F32`"), "{error}");
        Precision::F32.check(None).unwrap();
    }

    #[test]
    fn tensor_cores_are_refused_where_there_are_none() {
        let error = TensorCores::Always.check(None).unwrap_err();
        assert!(matches!(&error, Error::NoTensorCores { adapter } if adapter == "reference"), "{error:?}");
        let message = error.to_string();
        assert!(message.contains("`TensorCores::Auto`") && !message.contains("--"), "{message}");
        for any in [TensorCores::Auto, TensorCores::Never] {
            any.check(None).unwrap();
        }
    }
}
