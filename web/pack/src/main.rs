//! `wgbert-web-pack bindgen ENGINE.wasm FOLDER`: the engine as an ES module. It is wasm-bindgen's own program as a library, so that
//! nothing has to be installed and the versions agree.
//! `wgbert-web-pack sizes LIMIT FILE...`: bytes as they are, by gzip and by brotli; it fails where those by brotli are more than LIMIT.

use flate2::{Compression, write::GzEncoder};
use std::env;
use std::error::Error;
use std::fs;
use std::io::Write;
use wasm_bindgen_cli_support::Bindgen;

type Outcome = Result<(), Box<dyn Error>>;

/// The name of the module, and the start of its files' names.
const NAME: &str = "engine";

fn main() -> Outcome {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["bindgen", engine, folder] => bindgen(engine, folder),
        ["sizes", limit, ref files @ ..] if !files.is_empty() => sizes(limit.parse()?, files),
        _ => Err("usage: wgbert-web-pack bindgen ENGINE.wasm FOLDER | sizes LIMIT FILE...".into()),
    }
}

fn bindgen(engine: &str, folder: &str) -> Outcome {
    let mut bindgen = Bindgen::new();
    bindgen.input_path(engine).out_name(NAME).typescript(true).web(true)?;
    bindgen.generate(folder).map_err(|error| format!("{engine}: {error:#}").into())
}

fn sizes(limit: usize, files: &[&str]) -> Outcome {
    let mut all = [0; 3];
    println!("{:>10} {:>10} {:>10}", "raw", "gzip", "brotli");
    let say = |sizes: [usize; 3], name: &str| println!("{:>10} {:>10} {:>10}  {name}", sizes[0], sizes[1], sizes[2]);
    for file in files {
        let bytes = fs::read(file).map_err(|error| format!("{file}: {error}"))?;
        let own = [bytes.len(), gzip(&bytes)?, brotli(&bytes)?];
        say(own, file.rsplit('/').next().unwrap_or(file));
        all.iter_mut().zip(own).for_each(|(sum, size)| *sum += size);
    }
    say(all, "in all");
    if all[2] > limit {
        return Err(format!("{} bytes by brotli are more than {limit}", all[2]).into());
    }
    Ok(())
}

fn gzip(bytes: &[u8]) -> std::io::Result<usize> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?.len())
}

fn brotli(bytes: &[u8]) -> std::io::Result<usize> {
    let mut packed = Vec::new();
    let parameters = brotli::enc::BrotliEncoderParams { quality: 11, lgwin: 24, ..Default::default() };
    brotli::BrotliCompress(&mut &bytes[..], &mut packed, &parameters)?;
    Ok(packed.len())
}
