//! `cargo bench --bench model -- [model ...]`: `wgbert bench model` with its defaults, of these models.

use wgbert::Error;
use wgbert::bench::{Format, ModelBench, ResultWriter};

fn main() -> Result<(), Error> {
    // cargo itself adds --bench.
    let named = std::env::args().skip(1).filter(|word| !word.starts_with("--"));
    let models: Vec<_> = named.map(|name| name.parse().unwrap_or_else(|error| panic!("{error}"))).collect();
    let mut bench = ModelBench::default();
    if !models.is_empty() {
        bench.models = models;
    }
    let mut writer = ResultWriter::new(Format::Markdown, std::io::stdout());
    bench.run(|row| {
        writer.row(&row).expect("standard output can be written");
        Ok(())
    })
}
