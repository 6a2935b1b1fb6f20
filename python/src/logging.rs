//! What the library warns of goes to Python's `logging`, to the logger `wgbert`.

use crate::lock::with_lock;
use log::{Level, LevelFilter, Metadata, Record};
use pyo3::prelude::*;

struct Logger;

/// Begins to, unless somebody logs already.
pub fn start() {
    if log::set_logger(&Logger).is_ok() {
        log::set_max_level(LevelFilter::Warn);
    }
}

impl log::Log for Logger {
    /// As the command line's: wgpu warns of what it then handles itself, and the Vulkan loader of absent drivers.
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let target = metadata.target();
        let most = match target.split("::").next() {
            _ if target.starts_with("wgpu_hal::vulkan::instance") => LevelFilter::Off,
            Some("wgpu" | "wgpu_core" | "wgpu_hal" | "naga") => LevelFilter::Error,
            _ => LevelFilter::Warn,
        };
        metadata.level() <= most
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let level = if record.level() == Level::Error { "error" } else { "warning" };
        let text = record.args().to_string();
        // An interpreter that ends has nobody to tell.
        with_lock(|py| {
            let logger = py.import("logging").and_then(|logging| logging.call_method1("getLogger", ("wgbert",)));
            let said = logger.and_then(|logger| logger.call_method1(level, ("%s", text)));
            if let Err(error) = said {
                error.write_unraisable(py, None);
            }
        });
    }

    fn flush(&self) {}
}
