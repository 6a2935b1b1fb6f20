// The activation between two matrix products, by the numbers of Rust's `Activation`.
//
// provides: activate; needs: error_function, exponential, hyperbolic_tangent, logistic

override ACTIVATION: u32;

fn activate(x: f32) -> f32 {
    switch ACTIVATION {
        case 1u: { return 0.5 * x * (1.0 + error_function(x * 0.7071067811865476)); } // gelu
        case 2u: { return 0.5 * x * (1.0 + hyperbolic_tangent(0.7978845608028654 * fma(0.044715 * x * x, x, x))); } // gelu_new
        case 3u: { return max(x, 0.0); } // relu
        case 4u: { return x * logistic(x); } // silu
        case 5u: { return hyperbolic_tangent(x); } // tanh
        case 6u: { return logistic(x); } // sigmoid
        case 7u: { return x * logistic(1.702 * x); } // quick_gelu
        case 8u: { return max(x, 0.0) * max(x, 0.0); } // relu2
        case 9u: { return clamp(x, 0.0, 6.0); } // relu6
        case 10u: { return select(0.01 * x, x, x > 0.0); } // leaky_relu
        case 11u: { return x * hyperbolic_tangent(max(x, 0.0) + log(1.0 + exponential(-abs(x)))); } // mish
        case 12u: { return clamp(0.5 * x * (1.0 + error_function(x * 0.7071067811865476)), -10.0, 10.0); } // gelu_10
        case 13u: { return x * clamp(x + 3.0, 0.0, 6.0) / 6.0; } // hardswish
        case 14u: { return 0.5 * (1.0 + error_function((x - 0.707107) * 2.506626424383798)); } // laplace
        default: { return x; } // linear
    }
}
