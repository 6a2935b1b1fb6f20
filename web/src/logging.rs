//! Warnings and panics, where who develops a page looks: the console.

use log::{Level, LevelFilter, Log, Metadata, Record};
use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = console)]
    fn error(message: &str);
    #[wasm_bindgen(js_namespace = console)]
    fn warn(message: &str);
}

struct Console;

impl Log for Console {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= Level::Warn
    }

    fn log(&self, record: &Record<'_>) {
        match record.level() {
            Level::Error => error(&format!("wgbert: {}", record.args())),
            Level::Warn => warn(&format!("wgbert: {}", record.args())),
            _ => {}
        }
    }

    fn flush(&self) {}
}

pub fn start() {
    if log::set_logger(&Console).is_ok() {
        log::set_max_level(LevelFilter::Warn);
    }
    std::panic::set_hook(Box::new(|panic| error(&format!("wgbert: {panic}"))));
}
