//! `cargo bench --bench model`: `wgbert bench model` with its defaults.

use wgbert::Error;
use wgbert::bench::{Format, ModelBench, Report};

fn main() -> Result<(), Error> {
    let mut report = Report::new(Format::Markdown, std::io::stdout());
    ModelBench::default().run(|row| {
        report.row(&row).expect("standard output can be written");
        Ok(())
    })
}
