//! `cargo bench --bench kernels -- [kernel ...]`: `wgbert bench kernels` with its defaults, of these kernels or of all.

use wgbert::Error;
use wgbert::bench::{Format, KernelBench, ResultWriter, kernel_name};

fn main() -> Result<(), Error> {
    // cargo itself adds --bench.
    let named = std::env::args().skip(1).filter(|word| !word.starts_with("--"));
    let kernels: Vec<_> = named.map(|name| kernel_name(&name).unwrap_or_else(|error| panic!("{error}"))).collect();
    let mut bench = KernelBench::default();
    if !kernels.is_empty() {
        bench.kernels = kernels;
    }
    let mut writer = ResultWriter::new(Format::Markdown, std::io::stdout());
    bench.run(|row| {
        writer.row(&row).expect("standard output can be written");
        Ok(())
    })
}
