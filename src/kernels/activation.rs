use crate::ir::{Part, part};

/// The activations of `config.hidden_act`, under transformers' names (transformers/activations.py, `ACT2FN`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum Activation {
    /// `x`: `linear`.
    #[default]
    Identity = 0,
    /// `x (1 + erf(x / sqrt 2)) / 2`: the exact form, which is what `gelu` means in a config.
    Gelu = 1,
    /// `x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2`: `gelu_new`, `gelu_pytorch_tanh`, `gelu_fast`.
    GeluTanh = 2,
    /// `max(x, 0)`.
    Relu = 3,
    /// `x sigmoid(x)`: `silu`, `swish`.
    Silu = 4,
    Tanh = 5,
    /// `1 / (1 + exp(-x))`.
    Sigmoid = 6,
    /// `x sigmoid(1.702 x)`.
    QuickGelu = 7,
    /// `max(x, 0)^2`.
    Relu2 = 8,
    /// `min(max(x, 0), 6)`.
    Relu6 = 9,
    /// `x`, or `0.01 x` below zero.
    LeakyRelu = 10,
    /// `x tanh(log(1 + exp(x)))`.
    Mish = 11,
    /// [`Activation::Gelu`] within -10 and 10.
    Gelu10 = 12,
    /// `x min(max(x + 3, 0), 6) / 6`.
    HardSwish = 13,
    /// `(1 + erf((x - mu) / (sigma sqrt 2))) / 2` with mu 0.707107 and sigma 0.282095 (Ma et al. 2022).
    Laplace = 14,
}

impl Activation {
    /// Every activation, for tests.
    pub const ALL: [Activation; 15] = {
        use Activation::*;
        [
            Identity, Gelu, GeluTanh, Relu, Silu, Tanh, Sigmoid, QuickGelu, Relu2, Relu6, LeakyRelu, Mish, Gelu10,
            HardSwish, Laplace,
        ]
    };

    /// The names that [`Activation::from_name`] knows: those of `ACT2FN` but `prelu` and `xielu`, which have parameters
    /// of their own, and `sqrtsoftplus`, a router's.
    pub const NAMES: &'static [&'static str] = &[
        "gelu",
        "gelu_python",
        "gelu_new",
        "gelu_pytorch_tanh",
        "gelu_python_tanh",
        "gelu_fast",
        "gelu_accurate",
        "gelu_10",
        "quick_gelu",
        "relu",
        "relu2",
        "relu6",
        "leaky_relu",
        "silu",
        "swish",
        "hardswish",
        "mish",
        "laplace",
        "tanh",
        "sigmoid",
        "linear",
    ];

    /// The activation that transformers' `ACT2FN` has under `name`.
    pub fn from_name(name: &str) -> Option<Activation> {
        Some(match name {
            "gelu" | "gelu_python" => Activation::Gelu,
            "gelu_new" | "gelu_pytorch_tanh" | "gelu_python_tanh" | "gelu_fast" | "gelu_accurate" => {
                Activation::GeluTanh
            }
            "gelu_10" => Activation::Gelu10,
            "quick_gelu" => Activation::QuickGelu,
            "relu" => Activation::Relu,
            "relu2" => Activation::Relu2,
            "relu6" => Activation::Relu6,
            "leaky_relu" => Activation::LeakyRelu,
            "silu" | "swish" => Activation::Silu,
            "hardswish" => Activation::HardSwish,
            "mish" => Activation::Mish,
            "laplace" => Activation::Laplace,
            "tanh" => Activation::Tanh,
            "sigmoid" => Activation::Sigmoid,
            "linear" => Activation::Identity,
            _ => return None,
        })
    }

    /// The CPU twin of `shaders/common/activation.wgsl`.
    pub fn apply(self, x: f32) -> f32 {
        let sigmoid = |x: f32| 1.0 / (1.0 + (-x).exp());
        match self {
            Activation::Identity => x,
            Activation::Gelu => {
                (0.5 * f64::from(x) * (1.0 + libm::erf(f64::from(x) / std::f64::consts::SQRT_2))) as f32
            }
            Activation::GeluTanh => {
                let inner =
                    std::f32::consts::FRAC_2_SQRT_PI * std::f32::consts::FRAC_1_SQRT_2 * (x + 0.044715 * x * x * x);
                0.5 * x * (1.0 + inner.tanh())
            }
            Activation::Relu => x.max(0.0),
            Activation::Silu => x * sigmoid(x),
            Activation::Tanh => x.tanh(),
            Activation::Sigmoid => sigmoid(x),
            Activation::QuickGelu => x * sigmoid(1.702 * x),
            Activation::Relu2 => x.max(0.0).powi(2),
            Activation::Relu6 => x.clamp(0.0, 6.0),
            Activation::LeakyRelu => {
                if x > 0.0 {
                    x
                } else {
                    0.01 * x
                }
            }
            Activation::Mish => x * (x.max(0.0) + (-x.abs()).exp().ln_1p()).tanh(),
            Activation::Gelu10 => Activation::Gelu.apply(x).clamp(-10.0, 10.0),
            Activation::HardSwish => x * (x + 3.0).clamp(0.0, 6.0) / 6.0,
            Activation::Laplace => {
                // transformers rounds both (activations.py, `LaplaceActivation`), and so do the models that were trained with it.
                #[allow(clippy::approx_constant, reason = "it is transformers' rounded number")]
                let mean = 0.707107;
                let ratio = (f64::from(x) - mean) / (0.282095 * std::f64::consts::SQRT_2);
                (0.5 * (1.0 + libm::erf(ratio))) as f32
            }
        }
    }
}

/// How a chunk of that many elements is activated.
pub(super) fn of_chunks(chunk: u32) -> Part {
    if chunk == 4 { part!("common/activate_vec4") } else { part!("common/activate_scalar") }
}
