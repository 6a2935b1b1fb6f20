//! The engine of wgbert's package for browsers: the library as JavaScript calls it, with nothing of its own but the translation. What
//! a page imports is `web/js`, which downloads files, keeps the engine in a worker and gives answers their shape.
#![cfg(target_arch = "wasm32")]

mod adapters;
mod answers;
mod arguments;
mod cancel;
mod classifier;
mod errors;
mod files;
mod logging;
mod table;

use wasm_bindgen::prelude::wasm_bindgen;

/// Called once, when the module was loaded.
#[wasm_bindgen(start)]
fn start() {
    logging::start();
}

/// The version of wgbert.
#[wasm_bindgen]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").into()
}
