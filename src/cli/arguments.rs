//! What can be asked for: the commands, their options, and their help.

use super::bench_arguments::{BenchArguments, CommonArguments};
use super::device::{BackendName, DeviceArguments, PrecisionName, SeenArguments, TensorCoresName};
use super::explain_arguments::{EXPLAIN_HELP, ExplainArguments};
use super::pair_arguments::{RERANK_HELP, RerankArguments, ZERO_SHOT_HELP, ZeroShotArguments};
use super::row_arguments::{InputArguments, JobArguments, ModelArguments};
use crate::bench::{ModelChoice, Workload, kernel_name};
use crate::{Adapter, Aggregation};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

// Lines that fit a terminal of 80 columns: clap would break them anywhere.
const CLASSIFY_HELP: &str = "\
Examples:
  wgbert classify \"This movie was absolutely fantastic.\"
  wgbert classify -i reviews.csv -o answers.parquet
  wgbert classify -m ./my-classifier -i rows.jsonl -o answers.jsonl --resume
  zcat rows.jsonl.gz | wgbert classify --format csv --fields id,label,score

Input (UTF-8, or UTF-16; with or without byte order mark, lines ending in LF or CRLF):
  lines    Every line is a text, an empty line an empty text.
  jsonl    Every line is an object, or json, an array of them: text, and optionally
             text_pair  a second text, which the model reads with the first; an
                        empty one is none, as for transformers' pipeline
             label      for the loss: the name or the index of the right label;
                        for multi-label models a list of names, or of one number
                        for each label; for regression a number
           Empty lines are no rows.
  csv, tsv, parquet, arrow
           Tables, of which one column has the texts.
  What an input is, its name or its first bytes say. Rows are answered as they
  arrive and in their order, in the same memory whatever the size.

Model:
  A name such as distilbert/distilbert-base-uncased-finetuned-sst-2-english, with
  @REVISION (a branch, a tag, a commit) if not the main branch is meant, is
  downloaded once, into the cache that the Hugging Face tools share; the address
  of its page will do. A folder of that name wins, and what looks like a path, such
  as ./a, a/b/c, or a/b where a folder a is here, is never looked for on the hub. A
  download that was interrupted goes on when it is asked for again. The tools' variables hold: HF_HOME or HF_HUB_CACHE (the cache), HF_TOKEN
  (for models that need one), HF_HUB_OFFLINE=1 (no requests), HF_ENDPOINT (another
  server), HTTPS_PROXY, SSL_CERT_FILE (a proxy's certificates).

Output:
  text     For people, on a terminal: TEXT arguments get their 5 best labels, a line
           each; rows of other input get one line each, with the best. Elsewhere a
           line a row: label, score and text between tabs, the text whole but for
           what would end the line; behind it, of a row that fails, why.
  jsonl, csv, tsv, parquet, arrow
           Tables: the columns of the input in their order, then label, score,
           loss where rows have labels, truncated and error; for multi-label models
           also labels, all that hold. --fields chooses others, --top-k adds label_2,
           score_2... Where the input has a column of that name the answer's is
           called predicted_label and so on (--prefix).
  json     One object: model, labels, results (objects like rows of jsonl, with index,
           argmax, probabilities, logits and tokens), adapter and precision (what
           answered, and stored as what), loss (the mean, or null), and error if it
           stopped.
  Every row of the input is a row of the output, in its order; one that fails has
  its error, and always a line on standard error too. Numbers are 32-bit floats,
  written so that they are read back as they were; what is not finite is null.
  Messages count from 1, and the column index from 0.

  With --output FILE the file appears when it is whole; until then it is FILE.partial.
  Killed or interrupted, the same command with --resume goes on, to the same bytes.

Tokens:
  A checkpoint of token classification (...ForTokenClassification in config.json)
  is answered with the entities of transformers' pipeline. An entity has entity (the label) and index (of
  the token) where --aggregation is none, else entity_group; score, word, and
  start and end, which count characters of the text. Tokens labelled O are left
  out. A text beyond the model's limit is cut, as --truncation says.

Environment:
  WGBERT_ADAPTER    --adapter where it is not given
  WGBERT_CACHE_DIR  the folder for the choices of wgbert tune, for what adapters
                    were checked for and, on Vulkan, for compiled pipelines, so
                    that the next start is faster; empty: none. By default it is wgbert in XDG_CACHE_HOME or the
                    system's folder for caches (~/.cache, ~/Library/Caches,
                    %LOCALAPPDATA%), and may be deleted at any time
  WGBERT_SELF_CHECK --self-check where it is not given
  RUST_LOG          what is logged on standard error: error, warn (the default)...";

const EVALUATE_HELP: &str = "\
Examples:
  wgbert evaluate --input dev.jsonl
  wgbert evaluate -m ./my-classifier -i dev.csv --label-column gold --html dev.html
  wgbert evaluate -i train.tsv --column-names text,emotions,id
    --label-column emotions --label-separator , --label-map emotions.json

Labels:
  A label of the data is what --label-map makes of it, else the model's label of
  that name, else the one with that index. Several of the data's may be one of
  the model's, and one may be none of them (null in a file, or DATA=). A label
  that is not mapped and the model has not is an error before anything is
  computed, which lists both. A row without a label is counted apart; so is one
  with several right labels where the model answers one, and one with a label
  that is none of the model's.

Output:
  text for people, json for programs (scikit-learn's names), html one page. A row
  that fails, or whose answer is no number, is counted apart and never scored.";

const EXIT_CODES: &str = "\
Exit codes:
  0    every text was answered
  2    an error: no text, or none from some row on, was answered
  3    some rows failed, the others were answered
  130  SIGINT, and 143 SIGTERM, ended it behind what was under way";

/// Classifies texts with BERT-family models on any GPU, and answers as transformers does
#[derive(Debug, Parser)]
#[command(name = "wgbert", version, arg_required_else_help = true, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Classify texts
    ///
    /// They are the TEXT arguments, or the rows of --input, or those of standard input.
    #[command(after_help = EXIT_CODES, after_long_help = format!("{CLASSIFY_HELP}\n\n{EXIT_CODES}"))]
    Classify(Box<ClassifyArguments>),
    /// Rank documents by how well they answer a query, with a cross-encoder
    ///
    /// The answers are those of sentence-transformers' CrossEncoder.rank, and of its predict for rows with a document each.
    #[command(after_help = EXIT_CODES, after_long_help = format!("{RERANK_HELP}\n\n{EXIT_CODES}"))]
    Rerank(Box<RerankArguments>),
    /// Classify texts by labels that the model was not trained for, with a model of natural language inference
    ///
    /// The answers are those of transformers' zero-shot-classification pipeline.
    #[command(after_help = EXIT_CODES, after_long_help = format!("{ZERO_SHOT_HELP}\n\n{EXIT_CODES}"))]
    ZeroShot(Box<ZeroShotArguments>),
    /// Say what moved the answer to a text, or the answers to a file: each word is left out, and the rest classified
    #[command(after_help = EXIT_CODES, after_long_help = format!("{EXPLAIN_HELP}\n\n{EXIT_CODES}"))]
    Explain(Box<ExplainArguments>),
    /// Say how well a model answers rows of which one knows what is right
    ///
    /// Accuracy, precision, recall, F1, confusion matrix, log loss, Brier score, calibration; for models of which several labels may
    /// hold also the best threshold of each; for regression correlations and errors. The figures are scikit-learn's.
    #[command(after_help = EXIT_CODES, after_long_help = format!("{EVALUATE_HELP}\n\n{EXIT_CODES}"))]
    Evaluate(Box<EvaluateArguments>),
    /// List the adapters, what each offers, and which variants of the kernels it would run
    #[command(after_help = "Exit codes:\n  0  at least one adapter\n  2  none, or another error")]
    Adapters(AdaptersArguments),
    /// Say what a model is made of, and what an adapter would run for it
    ///
    /// Nothing is computed, and no adapter is needed: its part is left out where there is none.
    #[command(
        after_help = "Exit codes:\n  0  the model can classify\n  2  it cannot (what is known is printed), or another error"
    )]
    Inspect(InspectArguments),
    /// Measure how fast kernels and models are here, without downloading anything
    #[command(arg_required_else_help = true)]
    Bench(BenchArguments),
    /// Find what runs a model the fastest on this adapter, and keep it: tiles of matrix products, tensor cores
    ///
    /// Every command uses what was kept, on the same adapter with the same driver. Tiles change no bit of an answer. Tensor
    /// cores change last digits: what is stored as was measured uses them from then on where models gave the same answers with
    /// them, and faster.
    #[command(
        after_help = "Exit codes:\n  0  everything was measured and kept\n  2  an error; what was measured before it is kept"
    )]
    Tune(Box<TuneArguments>),
    /// Verify that an adapter computes what it should: every kernel at the edges of its sizes, and whole models
    ///
    /// What computes wrong answers is found here, or never: a table says what was right, and the largest errors. It is what a
    /// report of a wrong answer needs.
    #[command(after_help = "Exit codes:\n  0  everything is right\n  2  something is wrong, or another error")]
    Verify(VerifyArguments),
    /// Write a script that completes commands and options in a shell, to standard output
    ///
    /// For bash, say: wgbert completions bash > ~/.local/share/bash-completion/completions/wgbert
    Completions(CompletionsArguments),
    /// Write the manual page to standard output, or a page for each command into a folder
    Man(ManArguments),
    /// Check an adapter in this process, for another that does not want to crash or hang with it
    #[command(hide = true)]
    SelfCheck,
}

#[derive(Args, Debug)]
pub struct TuneArguments {
    /// Models whose products to time: sizes by name (tiny, minilm, distilbert-base, bert-base, bert-large), or folders of
    /// checkpoints
    #[arg(short, long, value_name = "NAME|DIR", value_delimiter = ',', default_value = "minilm,bert-base")]
    pub model: Vec<ModelChoice>,

    /// What weights and activations are stored as
    #[arg(long, value_enum, value_delimiter = ',', default_value = "f32")]
    pub precision: Vec<PrecisionName>,

    /// Tune without tensor cores (never), on them (always), or both, and then find out whether models are right and faster
    /// on them (auto)
    #[arg(
        long,
        alias = "matrix-units",
        value_name = "WHAT",
        value_enum,
        hide_possible_values = true,
        default_value = "auto"
    )]
    pub tensor_cores: TensorCoresName,

    /// What models must be faster on, each of it, for tensor cores to be used: texts x tokens, or ragged and a number of
    /// texts
    #[arg(short, long, value_name = "NAME", value_delimiter = ',', default_value = "1x128,64x128")]
    pub workload: Vec<Workload>,

    /// Rows of the products, which are tokens or texts, rounded up to powers of two; by default all that a batch can have
    #[arg(long, value_name = "N", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..=1 << 20))]
    pub rows: Vec<u32>,

    /// Only measure: keep nothing
    #[arg(long)]
    pub dry_run: bool,

    #[command(flatten)]
    pub common: CommonArguments,
}

#[derive(Args, Debug)]
pub struct ClassifyArguments {
    /// Texts to classify; put -- before one that begins with a dash; - alone is standard input
    #[arg(value_name = "TEXT", conflicts_with = "input")]
    pub texts: Vec<String>,

    /// Second text, which the model reads with each TEXT
    #[arg(long, value_name = "TEXT", requires = "texts", allow_hyphen_values = true, help_heading = "Input")]
    pub pair: Option<String>,

    #[command(flatten)]
    pub job: JobArguments,

    /// Columns of the rows, in their order: of the answer index, id, label, score, labels, score_LABEL, logit_LABEL, score_*,
    /// logit_*, probabilities, scores, logits, pooled_output, argmax, loss, entities, tokens, windows, truncated, error; those of the
    /// input, by name or all of them as *; all for what json has by default. Not for text
    ///
    /// By default *, label, score, truncated and error; in json also index, probabilities, logits, argmax and tokens. A column
    /// of the input is meant for certain as input:NAME.
    #[arg(long, value_name = "NAME", value_delimiter = ',', help_heading = "Output")]
    pub fields: Vec<String>,

    /// Show the N best labels of each text, or all; in tables label_2, score_2 and so on
    #[arg(short = 'k', long, value_name = "N|all", value_parser = top_k, help_heading = "Output")]
    pub top_k: Option<usize>,

    /// Score above which a label of a multi-label model holds, for all labels, or as LABEL=SCORE for one; may be repeated
    #[arg(long, value_name = "SCORE|LABEL=SCORE", value_delimiter = ',', help_heading = "Output")]
    pub threshold: Vec<String>,

    /// What tokens that belong together become, the pipeline's aggregation_strategy; by default none
    #[arg(long, value_enum, value_name = "STRATEGY", help_heading = "Output")]
    pub aggregation: Option<AggregationName>,

    /// Write the hidden states of row i as tensor hidden_states.{i} [layers + 1, tokens, hidden]
    ///
    /// The first of them is the input of the first layer. What is more than --max-shard-size goes to OUT-2.safetensors,
    /// OUT-3.safetensors...
    #[arg(long, value_name = "OUT.safetensors", help_heading = "Output")]
    pub hidden_states: Option<PathBuf>,

    /// Write the attention probabilities of row i as tensor attentions.{i} [layers, heads, tokens, tokens]
    ///
    /// The file may be that of --hidden-states.
    #[arg(long, value_name = "OUT.safetensors", help_heading = "Output")]
    pub attentions: Option<PathBuf>,

    /// Write what the classifier, the head's last layer, reads of each row as tensor pooled_output [rows, hidden], beside index
    /// [rows], which rows these are
    ///
    /// It is what transformers calls pooled_output: for BERT the pooler's output. As a column of the rows it is --fields
    /// *,pooled_output.
    #[arg(long, value_name = "OUT.safetensors", help_heading = "Output")]
    pub pooled_output: Option<PathBuf>,

    /// Bytes of a file of tensors from which on another is begun, such as 200MB; as many are held in memory
    #[arg(long, value_name = "SIZE", value_parser = super::row_arguments::bytes, default_value = "1GiB", help_heading = "Output")]
    pub max_shard_size: u64,

    /// Of hidden states and attentions only these layers, counted from 0, or with a minus from the last: -1
    #[arg(long, value_name = "N", value_delimiter = ',', allow_hyphen_values = true, help_heading = "Output")]
    pub layers: Vec<i64>,
}

#[derive(Args, Debug)]
pub struct EvaluateArguments {
    #[command(flatten)]
    pub input: InputArguments,

    /// Label of the data and the one of the model's that it means, or a JSON file with an object of these; may be repeated.
    /// Labels of the same name, and indices, need none. DATA= (null in a file) is none of the model's: its rows are not scored
    #[arg(long, value_name = "DATA=MODEL|FILE.json", value_delimiter = ',', help_heading = "Input")]
    pub label_map: Vec<String>,

    /// What parts several labels of a row in a table without types
    #[arg(long, value_name = "TEXT", help_heading = "Input")]
    pub label_separator: Option<String>,

    #[command(flatten)]
    pub model: ModelArguments,

    /// Score above which a label of a multi-label model holds, for all labels, or as LABEL=SCORE for one; may be repeated
    #[arg(long, value_name = "SCORE|LABEL=SCORE", value_delimiter = ',', help_heading = "Output")]
    pub threshold: Vec<String>,

    /// How to write the figures; by default as FILE is called, else text
    #[arg(short, long, value_enum, help_heading = "Output")]
    pub format: Option<EvaluationFormat>,

    /// Write to this file
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    pub output: Option<PathBuf>,

    /// Also write a page with the confusion matrix, the calibration and the most confident mistakes
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub html: Option<PathBuf>,

    /// Replace files that are there
    #[arg(long, help_heading = "Output")]
    pub overwrite: bool,

    /// Says how a long evaluation is gone on with, and ends: the figures of one that was stopped cannot be
    #[arg(long, help_heading = "Output")]
    pub resume: bool,

    /// Say nothing on standard error but errors: no progress, no notes, no summary
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,

    #[command(flatten)]
    pub device: DeviceArguments,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum EvaluationFormat {
    Text,
    Json,
    /// One page that needs nothing else
    Html,
}

#[derive(Args, Debug)]
pub struct VerifyArguments {
    /// Adapter by (part of its) name, index or bus id as `wgbert adapters` lists it, or all; by default the best there is
    #[arg(long, value_name = "NAME|INDEX|all", env = "WGBERT_ADAPTER")]
    pub adapter: Option<Adapter>,

    /// Look on this backend only
    #[arg(long)]
    pub backend: Option<BackendName>,

    /// Also the kernels that other adapters would run, as far as this one can: it takes minutes
    #[arg(long)]
    pub all: bool,

    #[command(flatten)]
    pub seen: SeenArguments,

    /// These kernels alone; by default all, and then whole models
    #[arg(short, long, value_name = "NAME", value_delimiter = ',', value_parser = kernel_name)]
    pub kernel: Vec<&'static str>,

    /// Whole models alone, which run the kernels at few sizes
    #[arg(long, conflicts_with_all = ["kernel", "all"])]
    pub models: bool,

    /// How to write the rows
    #[arg(short, long, value_enum, default_value = "text")]
    pub format: ListFormat,
}

#[derive(Args, Debug)]
pub struct AdaptersArguments {
    /// Look on this backend only
    #[arg(long)]
    pub backend: Option<BackendName>,

    /// How to write the list
    #[arg(short, long, value_enum, default_value = "text")]
    pub format: ListFormat,
}

#[derive(Args, Debug)]
pub struct InspectArguments {
    /// Folder of a checkpoint, as transformers' save_pretrained writes it, or a model's name on the Hugging Face hub; by
    /// default the model that is compiled in
    #[arg(value_name = "MODEL")]
    pub named: Option<PathBuf>,

    /// The same, as the other commands name it
    #[arg(short, long, value_name = "DIR|NAME[@REVISION]", conflicts_with = "named")]
    pub model: Option<PathBuf>,

    /// How to write the answer
    #[arg(short, long, value_enum, default_value = "text")]
    pub format: ListFormat,

    #[command(flatten)]
    pub device: DeviceArguments,
}

#[derive(Args, Debug)]
pub struct CompletionsArguments {
    /// The shell that is to read the script
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

#[derive(Args, Debug)]
pub struct ManArguments {
    /// Where to write wgbert.1, wgbert-classify.1 and so on; it is made if there is none
    #[arg(value_name = "FOLDER")]
    pub folder: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// For eyes on a terminal; elsewhere label, score and text between tabs, a line a row
    Text,
    /// One document
    Json,
    /// An object a line
    Jsonl,
    /// Columns between commas
    Csv,
    /// Columns between tabs
    Tsv,
    /// A Parquet file
    Parquet,
    /// A stream of Arrow's IPC format
    Arrow,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    Text,
    Json,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum AggregationName {
    /// Every token is an entity
    None,
    /// Neighbours of a kind are one entity, unless a B- begins another
    Simple,
    /// The same of whole words, each with the label of its first token
    First,
    /// ... with the best of the mean of its tokens' scores
    Average,
    /// ... with that of its token with the highest score
    Max,
}

impl From<AggregationName> for Aggregation {
    fn from(choice: AggregationName) -> Aggregation {
        match choice {
            AggregationName::None => Aggregation::None,
            AggregationName::Simple => Aggregation::Simple,
            AggregationName::First => Aggregation::First,
            AggregationName::Average => Aggregation::Average,
            AggregationName::Max => Aggregation::Max,
        }
    }
}

pub fn top_k(text: &str) -> Result<usize, String> {
    match text.parse() {
        _ if text == "all" => Ok(usize::MAX),
        Ok(0) | Err(_) => Err("expected a number above 0, or all".into()),
        Ok(count) => Ok(count),
    }
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
