//! What a page can know of its browser's adapter: which one it is given, what it is called, and why there is none.

use js_sys::{Array, Function, Object, Promise, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

/// What a page calls an adapter of which its browser says nothing, as most do to tell users apart less well.
const NAMELESS: &str = "WebGPU adapter";

fn field(of: &JsValue, name: &str) -> Option<JsValue> {
    Reflect::get(of, &name.into()).ok().filter(|value| !value.is_null() && !value.is_undefined())
}

/// `navigator.gpu`, where it can be asked for adapters.
fn gpu() -> Option<JsValue> {
    let global = js_sys::global();
    // wgpu looks for these, and panics where there is neither.
    let known = ["Window", "WorkerGlobalScope"].iter().any(|name| field(&global, name).is_some());
    field(&field(&global, "navigator")?, "gpu").filter(|_| known)
}

/// The adapter that is chosen for heavy work: a laptop has two, and the default of browsers is the weaker one.
pub(super) async fn adapter() -> Option<wgpu::Adapter> {
    gpu()?;
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
        backends: wgpu::Backends::BROWSER_WEBGPU,
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    });
    let power_preference = wgpu::PowerPreference::HighPerformance;
    let options = wgpu::RequestAdapterOptions { power_preference, ..Default::default() };
    instance.request_adapter(&options).await.ok()
}

/// What the adapter is called: vendor and architecture, such as `nvidia ampere`, where the browser says no more. Never empty.
pub(super) async fn name() -> String {
    said().await.unwrap_or_else(|| NAMELESS.into())
}

/// What the browser says of the adapter that [`adapter`] gives, which wgpu does not pass on.
async fn said() -> Option<String> {
    let gpu = gpu()?;
    let options = Object::new();
    Reflect::set(&options, &"powerPreference".into(), &"high-performance".into()).ok()?;
    let request: Function = field(&gpu, "requestAdapter")?.dyn_into().ok()?;
    let promise: Promise = request.apply(&gpu, &Array::of1(&options)).ok()?.dyn_into().ok()?;
    let info = field(&JsFuture::from(promise).await.ok()?, "info")?;
    let words = ["vendor", "architecture", "device"].iter().filter_map(|name| field(&info, name)?.as_string());
    let words: Vec<String> = words.filter(|word| !word.is_empty()).collect();
    Some(words.join(" ")).filter(|name| !name.is_empty())
}

/// Why there is no adapter, as far as it can be seen.
pub fn absence() -> &'static str {
    let global = js_sys::global();
    if gpu().is_some() {
        return "WebGPU is here, but offers no adapter: the browser blocks this GPU or its driver, hardware acceleration is off \
                in its settings, or the machine has no GPU";
    }
    match field(&global, "isSecureContext").and_then(|secure| secure.as_bool()) {
        Some(false) => "navigator.gpu is missing, as it is in every page that is not served by https or from localhost",
        Some(true) => {
            "navigator.gpu is missing: this browser has no WebGPU, or it is switched off; current versions of Chrome, Edge, \
             Firefox and Safari have it"
        }
        None => {
            "navigator.gpu is missing: Deno has WebGPU of itself, and Node.js by the npm package webgpu, of which \
             navigator.gpu is to be made before"
        }
    }
}
