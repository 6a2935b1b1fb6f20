//! Pages in a headless Chromium.

use super::requirements::{Need, not_run};
use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

/// Looks at each page, light and dark, on a wide and on a narrow screen: it says nothing to the console, asks for nothing, can be
/// read by everybody, and a click changes what it shows. WGBERT_SCREENSHOTS names a folder for pictures.
pub fn has_nothing_to_say(pages: &[impl AsRef<OsStr>]) {
    let mut python = Command::new("python3");
    python.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tools/page.py"));
    if let Some(folder) = std::env::var_os("WGBERT_SCREENSHOTS") {
        python.arg("--screenshots").arg(folder);
    }
    let output = match python.args(pages).output() {
        Ok(output) => output,
        Err(error) => return not_run(Need::Browser, format_args!("python3: {error}")),
    };
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    match output.status.code() {
        Some(69) => not_run(Need::Browser, said.trim()),
        code => assert_eq!(code, Some(0), "{said}"),
    }
}
