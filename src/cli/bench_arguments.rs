//! What `wgbert bench` can be asked for.

use super::device::{BackendName, CheckArguments, PrecisionName, SeenArguments, TensorCoresName};
use crate::Adapter;
use crate::bench::{self, Format, ModelChoice, Repeats, Variant, Workload};
use crate::models::Architecture;
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

const EXIT_CODES: &str =
    "Exit codes:\n  0  everything was measured\n  2  an error; what was written before it stays valid";

const COMPILE_EXIT_CODES: &str = "Exit codes:\n  0  everything compiles\n  2  something does not, or an error";

const MODEL_HELP: &str = "\
Examples:
  wgbert bench model
  wgbert bench model --model minilm --architecture all --workload 8x128
  wgbert bench model --model ./my-classifier --workload 1x128,64x128 -r 20 -f jsonl
  wgbert bench model --model bert-base --plot bert-base.svg

Columns:
  texts/s, tokens/s  by the median time of a call with all texts of the workload:
                     packing, upload, every dispatch, reading the answers back;
                     tokenising is not in it
  ms a call          median and median absolute deviation of the repetitions
  p99 ms             nearest rank: the largest, of fewer than 100 repetitions
  GFLOP/s            multiplications and additions of all kernels by that time
  by BERT            with --architecture: speed by that of BERT of the same size,
                     which is run alternately with the other
  time on the device by timestamps, from a run of its own without reading back

What computes wrong answers is not timed: see --self-check.

In csv, json and jsonl each row says by itself what was measured on what.";

const KERNELS_HELP: &str = "\
Examples:
  wgbert bench kernels
  wgbert bench kernels --kernel matmul --rows 16,1024 --inner 768 --columns 768,3072
  wgbert bench kernels --kernel matmul,attention --variant adapter,plain -f csv
  wgbert bench kernels --plot roofline.svg

Columns:
  ms       median and median absolute deviation of the repetitions
  GFLOP/s  multiplications and additions, an fma is two
  GB/s     of the tensors that the kernel reads and writes, each once
  of roof  of the most that the adapter has at so many operations a byte: the
           lesser of its arithmetic and its bandwidth, both measured at the start.
           What stays in a cache can pass the bandwidth, which is the memory's
  error    largest difference from the CPU twin, of a sample of the rows, relative
           to what is right where that is above 1; a wrong result is an error";

#[derive(Args, Debug)]
pub struct BenchArguments {
    #[command(subcommand)]
    pub command: BenchCommand,
}

#[derive(Debug, Subcommand)]
pub enum BenchCommand {
    /// Time whole models: texts and tokens a second, latency, memory, and each kernel's share of the time
    ///
    /// Lists (with commas, or flags given again) multiply out: every combination is a row.
    #[command(after_help = EXIT_CODES, after_long_help = format!("{MODEL_HELP}\n\n{EXIT_CODES}"))]
    Model(Box<ModelArguments>),
    /// Time each kernel, by the device's clock, beside what the adapter can do at best
    ///
    /// Each result is compared with the kernel's CPU twin before it is timed. Lists (with commas, or flags given again)
    /// multiply out: every combination is a row.
    #[command(after_help = EXIT_CODES, after_long_help = format!("{KERNELS_HELP}\n\n{EXIT_CODES}"))]
    Kernels(Box<KernelArguments>),
    /// Compile every shader that the adapter could be asked for, without running one, and say how long each takes
    ///
    /// Every kernel in each variant, tile and precision, by the driver alone, without what was compiled before.
    #[command(after_help = COMPILE_EXIT_CODES)]
    Compile(Box<CompileArguments>),
}

#[derive(Args, Debug)]
pub struct CompileArguments {
    /// Kernels by name; by default all
    #[arg(short, long, value_name = "NAME", value_delimiter = ',', value_parser = bench::kernel_name)]
    pub kernel: Vec<&'static str>,

    /// Every activation in every shader; else the two commonest, and of the others one in every tile and precision
    #[arg(long)]
    pub every_activation: bool,

    /// Adapter by (part of its) name, index or bus id as `wgbert adapters` lists it; give it again for more than one; by
    /// default the best there is
    #[arg(long, value_name = "NAME|INDEX", env = "WGBERT_ADAPTER", help_heading = "Device")]
    pub adapter: Vec<Adapter>,

    /// Look for adapters on this backend only
    #[arg(long, help_heading = "Device")]
    pub backend: Option<BackendName>,

    /// How to write the rows
    #[arg(
        short,
        long,
        alias = "output",
        short_alias = 'o',
        value_enum,
        default_value = "text",
        help_heading = "Output"
    )]
    pub format: RowFormat,
}

#[derive(Args, Debug)]
pub struct KernelArguments {
    /// Kernels by name; by default all
    #[arg(short, long, value_name = "NAME", value_delimiter = ',', value_parser = bench::kernel_name)]
    pub kernel: Vec<&'static str>,

    /// Rows of the matrices: tokens, or texts of kernels that work on logits; by default each kernel's own sizes, as
    /// those below
    #[arg(long, value_name = "N", value_delimiter = ',', value_parser = size(), help_heading = "Sizes")]
    pub rows: Vec<u32>,

    /// Length of the sums of a matmul
    #[arg(long, value_name = "N", value_delimiter = ',', value_parser = size(), help_heading = "Sizes")]
    pub inner: Vec<u32>,

    /// Columns: of attention all heads together, of kernels that work on logits the labels
    #[arg(long, value_name = "N", value_delimiter = ',', value_parser = size(), help_heading = "Sizes")]
    pub columns: Vec<u32>,

    /// Tokens of each text, for attention
    #[arg(long, value_name = "N", value_delimiter = ',', value_parser = size(), help_heading = "Sizes")]
    pub length: Vec<u32>,

    /// Which shaders: adapter, those for the adapter; tensor-cores, those that also use its cooperative matrices; no-f16,
    /// those for the adapter without 16-bit floats; plain, those that run everywhere
    #[arg(long, value_name = "NAME", value_delimiter = ',', default_value = "adapter")]
    pub variant: Vec<Variant>,

    /// What weights and activations are stored as
    #[arg(long, value_enum, value_delimiter = ',', default_value = "f32")]
    pub precision: Vec<PrecisionName>,

    #[command(flatten)]
    pub seen: SeenArguments,

    #[command(flatten)]
    pub common: CommonArguments,

    #[command(flatten)]
    pub plot: PlotArguments,
}

/// What a side of a matrix may be; larger ones fit no binding.
fn size() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..=1 << 24)
}

#[derive(Args, Debug)]
pub struct ModelArguments {
    /// Models by name, with generated weights (tiny, minilm, distilbert-base, bert-base, bert-large), or folders of
    /// checkpoints
    #[arg(short, long, value_name = "NAME|DIR", value_delimiter = ',', default_value = "tiny,minilm,bert-base")]
    pub model: Vec<ModelChoice>,

    /// Make models by name as these architectures, model_type in config.json, or all; by default as their own
    #[arg(short, long, value_name = "NAME|all", value_delimiter = ',', value_parser = architecture)]
    pub architecture: Vec<Architectures>,

    /// Texts x tokens, or ragged and a number of texts: 8 to 128 tokens each, pseudo-random, always the same
    #[arg(short, long, value_name = "NAME", value_delimiter = ',', default_value = "1x128,8x128,ragged32")]
    pub workload: Vec<Workload>,

    /// What weights and activations are stored as
    #[arg(long, value_enum, value_delimiter = ',', default_value = "f32")]
    pub precision: Vec<PrecisionName>,

    /// Multiply on the adapter's tensor cores (cooperative matrices, on Apple simdgroup matrices; experimental); never,always
    /// compares
    #[arg(
        long,
        alias = "matrix-units",
        value_name = "WHEN",
        value_enum,
        value_delimiter = ',',
        default_value = "auto"
    )]
    pub tensor_cores: Vec<TensorCoresName>,

    /// Most tokens of one batch on the device; by default what suits the adapter
    #[arg(long, value_name = "N", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..))]
    pub batch_tokens: Vec<u32>,

    #[command(flatten)]
    pub seen: SeenArguments,

    #[command(flatten)]
    pub check: CheckArguments,

    #[command(flatten)]
    pub common: CommonArguments,

    #[command(flatten)]
    pub plot: PlotArguments,
}

#[derive(Args, Debug)]
pub struct CommonArguments {
    /// Adapter by (part of its) name, index or bus id as `wgbert adapters` lists it; give it again for more than one; by
    /// default the best there is
    #[arg(long, value_name = "NAME|INDEX", env = "WGBERT_ADAPTER", help_heading = "Device")]
    pub adapter: Vec<Adapter>,

    /// Look for adapters on this backend only
    #[arg(long, help_heading = "Device")]
    pub backend: Option<BackendName>,

    /// How often each row is run: by default 5 times a model, 10 times a kernel, 7 times a
    /// tile
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub repetitions: Option<u32>,

    /// Runs before those that count
    #[arg(long, value_name = "N", default_value = "1")]
    pub warmup: u32,

    /// How to write the rows
    #[arg(
        short,
        long,
        alias = "output",
        short_alias = 'o',
        value_enum,
        default_value = "text",
        help_heading = "Output"
    )]
    pub format: RowFormat,
}

#[derive(Args, Debug)]
pub struct PlotArguments {
    /// Draw the rows into this file too
    #[arg(long, value_name = "FILE.svg", help_heading = "Output")]
    pub plot: Option<PathBuf>,
}

impl CommonArguments {
    pub fn repeats(&self, default: Repeats) -> Repeats {
        let repetitions = self.repetitions.map_or(default.repetitions, |count| count as usize);
        Repeats { repetitions, warmup: self.warmup as usize }
    }

    pub fn adapters(&self) -> Vec<Adapter> {
        if self.adapter.is_empty() { vec![Adapter::Best] } else { self.adapter.clone() }
    }
}

/// What one word asks for: `all` is several.
#[derive(Clone, Debug)]
pub struct Architectures(pub Vec<&'static Architecture>);

fn architecture(name: &str) -> Result<Architectures, String> {
    bench::architectures(name).map(Architectures)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RowFormat {
    /// A table for people, in Markdown
    #[value(alias = "md")]
    Text,
    Csv,
    Json,
    Jsonl,
}

impl From<RowFormat> for Format {
    fn from(format: RowFormat) -> Format {
        match format {
            RowFormat::Text => Format::Markdown,
            RowFormat::Csv => Format::Csv,
            RowFormat::Json => Format::Json,
            RowFormat::Jsonl => Format::JsonLines,
        }
    }
}
