//! The command line: arguments -> command -> exit code. Results go to standard output, the rest to standard error.

mod adapters;
mod classify;
mod download;
mod input;
mod labels;
mod progress;
mod report;
mod tensors;
mod text;

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::fmt;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use wgbert::checkpoint::Scoring;
use wgbert::gpu::Backend;
use wgbert::{Adapter, Error, Truncation};

const EXIT_CODES: &str = "\
Exit codes:
  0  every text was answered
  2  an error: nothing, or nothing more, was answered
  3  some rows failed, the others were answered";

const CLASSIFY_HELP: &str = "\
Examples:
  wgbert classify \"This movie was absolutely fantastic.\"
  wgbert classify --input reviews.txt > answers.txt
  wgbert classify --model ./my-classifier --format jsonl < reviews.txt
  echo '{\"text\": \"Is it good?\", \"text_pair\": \"It is.\", \"label\": \"positive\"}' |
    wgbert classify --input-format jsonl --format json

Input:
  lines   every line is a text, an empty line an empty text.
  jsonl   every line is an object: text, and optionally text_pair (read together with text) and label (the loss is
          measured against it): a label's name or index; a list of names, or of one number for each label, for a
          multi-label model; a number for a regression. Other fields are ignored, empty lines skipped.
  Text is UTF-8, with or without a byte order mark; lines end in LF or CRLF. Rows are answered as they arrive and in
  their order, so that input may be of any size; what was written before an interruption stays valid.

Model:
  A name such as distilbert/distilbert-base-uncased-finetuned-sst-2-english, with @REVISION (a branch, a tag, a commit)
  if not the main branch is meant, is downloaded once, into the cache that the Hugging Face tools share; a folder of that
  name wins. A download that was interrupted goes on when it is asked for again. The tools' variables hold: HF_HOME or
  HF_HUB_CACHE (the cache), HF_TOKEN (for models that need one), HF_HUB_OFFLINE=1 (no requests), HF_ENDPOINT (another
  server), HTTPS_PROXY, SSL_CERT_FILE (a proxy's certificates).

Output:
  text    for people: TEXT arguments get every label (at most 5), rows of other input one line with the best.
  jsonl   one object a row: index (counted in lines from 0), label, score, argmax, probabilities (by the model's scoring
          rule; null where logits are the answer), logits, labels (their names, in order), tokens, truncated; loss where
          a label was given, top where --top-k was, text where --echo-text was. Numbers are 32-bit floats, written so
          that reading them back gives the same; NaN is null.
  json    one object: model, adapter, labels, results (such objects, without labels), loss (the mean, or null).
  A row that fails is {\"index\": ..., \"error\": ...}, and in every format a line on standard error.";

/// Everything a user can ask for.
#[derive(Debug, Parser)]
#[command(name = "wgbert", version, arg_required_else_help = true, max_term_width = 120, after_help = EXIT_CODES)]
/// Classifies texts with BERT-family models on any GPU, with the answer that transformers gives
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Classify texts
    ///
    /// Classify texts: the TEXT arguments, or the rows of --input or of standard input.
    #[command(after_help = EXIT_CODES, after_long_help = format!("{CLASSIFY_HELP}\n\n{EXIT_CODES}"))]
    Classify(Box<ClassifyArguments>),
    /// List the adapters, what each offers, and which variants of the kernels it would run
    #[command(after_help = "Exit codes:\n  0  at least one adapter\n  2  none, or another error")]
    Adapters(AdaptersArguments),
}

#[derive(Args, Debug)]
struct ClassifyArguments {
    /// Texts to classify; put -- before one that begins with a dash
    #[arg(value_name = "TEXT")]
    texts: Vec<String>,

    /// File of texts to classify, - for standard input, which is also read where there is no TEXT
    #[arg(short, long, value_name = "FILE", conflicts_with = "texts", help_heading = "Input")]
    input: Option<PathBuf>,

    /// What a row of the input is; by default jsonl for files called .jsonl or .ndjson, else lines
    #[arg(long, value_name = "FORMAT", help_heading = "Input")]
    input_format: Option<InputFormat>,

    /// What happens to a text longer than the model's limit
    #[arg(long, value_enum, default_value = "cut", help_heading = "Input")]
    truncation: LongTexts,

    /// Folder of a fine-tuned checkpoint, as transformers' save_pretrained writes it, or a model's name on the Hugging
    /// Face hub; by default a small English sentiment model that is compiled in
    #[arg(short, long, value_name = "DIR|NAME[@REVISION]", help_heading = "Model")]
    model: Option<PathBuf>,

    /// How logits become scores, transformers' function_to_apply; by default what the checkpoint's configuration says
    #[arg(long, value_name = "FUNCTION", help_heading = "Model")]
    scoring: Option<ScoringFunction>,

    /// Fill the head of a checkpoint that has none with random weights from this seed, instead of refusing; the answers
    /// mean nothing
    #[arg(long, value_name = "SEED", help_heading = "Model")]
    random_head: Option<u64>,

    /// How to write the answers
    #[arg(short, long, value_enum, default_value = "text", help_heading = "Output")]
    format: OutputFormat,

    /// Show the N best labels of each text, or all
    #[arg(short = 'k', long, value_name = "N|all", value_parser = top_k, help_heading = "Output")]
    top_k: Option<usize>,

    /// Repeat the text (and text_pair) in the rows of json and jsonl
    #[arg(long, help_heading = "Output")]
    echo_text: bool,

    /// Write the hidden states of row i as tensor hidden_states.{i} [layers + 1, tokens, hidden]
    ///
    /// Write the hidden states of row i as tensor hidden_states.{i} [layers + 1, tokens, hidden]; 0 is the input of the
    /// first layer. They are held in memory until all rows are answered, together with attentions at most 4 GiB.
    #[arg(long, value_name = "OUT.safetensors", help_heading = "Output")]
    hidden_states: Option<PathBuf>,

    /// Write the attention probabilities of row i as tensor attentions.{i} [layers, heads, tokens, tokens]
    ///
    /// Write the attention probabilities of row i as tensor attentions.{i} [layers, heads, tokens, tokens]. The file may
    /// be that of --hidden-states.
    #[arg(long, value_name = "OUT.safetensors", help_heading = "Output")]
    attentions: Option<PathBuf>,

    /// Adapter by (part of its) name or by index as `wgbert adapters` lists it, or reference: the CPU, slow, without any
    /// driver; by default the best there is
    #[arg(long, value_name = "NAME|INDEX|reference", env = "WGBERT_ADAPTER", help_heading = "Device")]
    adapter: Option<Adapter>,

    /// Look for adapters on this backend only
    #[arg(long, help_heading = "Device")]
    backend: Option<BackendName>,

    /// Most tokens of one batch on the device: fewer take less memory
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), help_heading = "Device")]
    batch_tokens: Option<u32>,
}

#[derive(Args, Debug)]
struct AdaptersArguments {
    /// Look on this backend only
    #[arg(long)]
    backend: Option<BackendName>,

    /// How to write the list
    #[arg(short, long, value_enum, default_value = "text")]
    format: ListFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum InputFormat {
    Lines,
    Jsonl,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum OutputFormat {
    Text,
    Json,
    Jsonl,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ListFormat {
    Text,
    Json,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LongTexts {
    /// It is cut, and marked as cut
    Cut,
    /// It fails, the others are answered
    Refuse,
}

impl From<LongTexts> for Truncation {
    fn from(choice: LongTexts) -> Truncation {
        match choice {
            LongTexts::Cut => Truncation::Cut,
            LongTexts::Refuse => Truncation::Refuse,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ScoringFunction {
    Softmax,
    Sigmoid,
    None,
}

impl From<ScoringFunction> for Scoring {
    fn from(choice: ScoringFunction) -> Scoring {
        match choice {
            ScoringFunction::Softmax => Scoring::Softmax,
            ScoringFunction::Sigmoid => Scoring::Sigmoid,
            ScoringFunction::None => Scoring::None,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum BackendName {
    Vulkan,
    Metal,
    Dx12,
}

impl From<BackendName> for Backend {
    fn from(name: BackendName) -> Backend {
        match name {
            BackendName::Vulkan => Backend::Vulkan,
            BackendName::Metal => Backend::Metal,
            BackendName::Dx12 => Backend::Dx12,
        }
    }
}

fn top_k(text: &str) -> Result<usize, String> {
    match text.parse() {
        _ if text == "all" => Ok(usize::MAX),
        Ok(0) | Err(_) => Err("expected a number above 0, or all".into()),
        Ok(count) => Ok(count),
    }
}

/// How a command ended that was not stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Complete,
    SomeRowsFailed,
}

/// Why a command stopped.
#[derive(Debug)]
enum Failure {
    Library(Error),
    /// Something only the command line knows about, in full.
    Message(String),
    /// Standard output cannot be written.
    Output(io::Error),
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Library(error) => error.fmt(formatter),
            Failure::Message(message) => formatter.write_str(message),
            Failure::Output(error) => write!(formatter, "cannot write to standard output: {error}"),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Library(error)
    }
}

/// Of all input and output only standard output's errors come without a path: files name theirs in [`Error::File`].
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::Output(error)
    }
}

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    start_log();
    let result = match &arguments.command {
        Command::Classify(arguments) => classify::run(arguments),
        Command::Adapters(arguments) => adapters::run(arguments),
    };
    match result {
        Ok(Outcome::Complete) => ExitCode::SUCCESS,
        Ok(Outcome::SomeRowsFailed) => ExitCode::from(3),
        // Who reads the results has seen enough: `| head -1`.
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(failure) => {
            say(format_args!("error: {failure}"));
            ExitCode::from(2)
        }
    }
}

/// A line on standard error. `eprintln!` would panic where it is closed.
fn say(message: fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "{message}");
}

/// Warnings of this crate go to standard error; of wgpu's only errors, for it warns of what it then handles itself.
fn start_log() {
    let filter =
        env_logger::Env::default().default_filter_or("warn,wgpu=error,wgpu_core=error,wgpu_hal=error,naga=error");
    let format = |out: &mut env_logger::fmt::Formatter, record: &log::Record<'_>| {
        let level = match record.level() {
            log::Level::Error => "error",
            log::Level::Warn => "warning",
            log::Level::Info => "info",
            log::Level::Debug => "debug",
            log::Level::Trace => "trace",
        };
        writeln!(out, "{level}: {}", record.args())
    };
    env_logger::Builder::from_env(filter).format(format).init();
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn top_k_is_a_count_or_all() {
        assert_eq!(top_k("3"), Ok(3));
        assert_eq!(top_k("all"), Ok(usize::MAX));
        for wrong in ["0", "-1", "many", ""] {
            assert!(top_k(wrong).is_err(), "{wrong:?}");
        }
    }
}
