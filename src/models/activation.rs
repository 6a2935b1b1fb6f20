use std::fmt;

/// The activations of `config.hidden_act`, under transformers' names (transformers/activations.py, `ACT2FN`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum Activation {
    /// `x`
    #[default]
    Identity = 0,
    /// `x (1 + erf(x / sqrt 2)) / 2`: the exact form, which is what `gelu` means in a config.
    Gelu = 1,
    /// `x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2`: `gelu_new`, `gelu_pytorch_tanh`, `gelu_fast`.
    GeluTanh = 2,
    Relu = 3,
    /// `x / (1 + exp(-x))`: `silu`, `swish`.
    Silu = 4,
    Tanh = 5,
}
