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
}

impl Activation {
    /// Every activation, for tests.
    pub const ALL: [Activation; 12] = {
        use Activation::*;
        [Identity, Gelu, GeluTanh, Relu, Silu, Tanh, Sigmoid, QuickGelu, Relu2, Relu6, LeakyRelu, Mish]
    };

    /// The names that [`Activation::from_name`] knows.
    pub const NAMES: &'static [&'static str] = &[
        "gelu",
        "gelu_python",
        "gelu_new",
        "gelu_pytorch_tanh",
        "gelu_fast",
        "gelu_accurate",
        "quick_gelu",
        "relu",
        "relu2",
        "relu6",
        "leaky_relu",
        "silu",
        "swish",
        "mish",
        "tanh",
        "sigmoid",
        "linear",
    ];

    /// The activation that transformers' `ACT2FN` has under `name`.
    pub fn from_name(name: &str) -> Option<Activation> {
        Some(match name {
            "gelu" | "gelu_python" => Activation::Gelu,
            "gelu_new" | "gelu_pytorch_tanh" | "gelu_fast" | "gelu_accurate" => Activation::GeluTanh,
            "quick_gelu" => Activation::QuickGelu,
            "relu" => Activation::Relu,
            "relu2" => Activation::Relu2,
            "relu6" => Activation::Relu6,
            "leaky_relu" => Activation::LeakyRelu,
            "silu" | "swish" => Activation::Silu,
            "mish" => Activation::Mish,
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
        }
    }
}

/// How a chunk of that many elements is activated.
pub(super) fn of_chunks(chunk: u32) -> Part {
    if chunk == 4 { part!("common/activate_vec4") } else { part!("common/activate_scalar") }
}
