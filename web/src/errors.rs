//! Errors of the library as JavaScript's.

use wasm_bindgen::JsValue;
use wgbert::Error;

/// An `Error` whose `kind` tells programs what its message tells people; `index` is the text's, where it is one that is to blame.
pub fn raise(error: &Error) -> JsValue {
    let kind = match error {
        Error::NoAdapter { .. } => "no-adapter",
        Error::WrongAnswers { .. } => "wrong-answers",
        Error::OutOfMemory { .. } => "out-of-memory",
        Error::DeviceLost { .. } => "device-lost",
        Error::Text { .. } => "text",
        Error::WrongTask { .. } => "wrong-task",
        Error::Request { .. } => "request",
        Error::Adapter { .. } | Error::NoSuchAdapter { .. } | Error::NoTensorCores { .. } => "adapter",
        _ => "checkpoint",
    };
    let index = match error {
        Error::Text { index, .. } => Some(*index),
        _ => None,
    };
    with(&in_javascript(&error.to_string()), kind, index)
}

/// An argument that cannot be used.
pub fn argument(message: &str) -> JsValue {
    with(message, "argument", None)
}

/// What JavaScript calls an abort.
pub fn aborted() -> JsValue {
    let error = js_sys::Error::new("the call was cancelled");
    error.set_name("AbortError");
    error.into()
}

fn with(message: &str, kind: &str, index: Option<usize>) -> JsValue {
    let error = js_sys::Error::new(message);
    let set = |name: &str, value: JsValue| js_sys::Reflect::set(&error, &name.into(), &value).is_ok();
    set("kind", kind.into());
    if let Some(index) = index {
        set("index", (index as f64).into());
    }
    error.into()
}

/// What to do about it, in the words of the package.
pub fn in_javascript(message: &str) -> String {
    const WORDS: [(&str, &str); 9] = [
        ("`Adapter::Reference`", "the option adapter: 'cpu'"),
        ("`Precision::F32`", "the option precision: 'f32'"),
        ("`SelfCheck::Always`", "The option selfCheck: 'always'"),
        ("`Options::batch_tokens`", "the option batchTokens"),
        ("`Options::random_head`", "the option randomHead"),
        ("`classify_tokens` or `run_tokens`", "`classifyTokens`"),
        ("`classify` or `run`", "`classify`"),
        ("; update its driver, choose another adapter, or run", "; update the browser or the GPU's driver, or run"),
        ("update its driver", "update the browser or the GPU's driver"),
    ];
    WORDS.iter().fold(message.to_string(), |message, (from, to)| message.replace(from, to))
}
