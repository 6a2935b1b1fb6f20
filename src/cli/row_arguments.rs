//! The options of every command that reads rows and answers them.

use super::Failure;
use super::arguments::OutputFormat;
use super::device::DeviceArguments;
use crate::checkpoint::Scoring;
use crate::rows::{Columns, Format, Null, Quoting, RowOptions};
use crate::{Options, PairTruncation, Truncation, Windows};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// What every command takes that answers rows one by one.
#[derive(Args, Debug)]
pub struct JobArguments {
    #[command(flatten)]
    pub input: InputArguments,

    #[command(flatten)]
    pub model: ModelArguments,

    #[command(flatten)]
    pub output: OutputArguments,

    #[command(flatten)]
    pub table: TableArguments,

    #[command(flatten)]
    pub device: DeviceArguments,
}

/// Which rows.
#[derive(Args, Clone, Debug)]
pub struct InputArguments {
    /// File of rows, folder of such files, pattern like "data/*.csv", or - for standard input, which is also read where there
    /// is no TEXT; may be repeated
    #[arg(short, long, value_name = "FILE", help_heading = "Input")]
    pub input: Vec<PathBuf>,

    /// What the rows of the input are
    ///
    /// By default what the name of each file says (.jsonl, .ndjson, .json, .csv, .tsv, .tab, .parquet, .arrow, .feather), else
    /// its first bytes: { begins jsonl, [ json, PAR1 parquet, ARROW1 arrow, and all else is lines. Each may be compressed by
    /// gzip or zstd.
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "auto", help_heading = "Input")]
    pub input_format: InputFormat,

    /// Column of the texts, by name or by number from 1; by default the only one that is called text, sentence, content,
    /// review...
    #[arg(long, value_name = "COLUMN", help_heading = "Input")]
    pub text_column: Option<String>,

    /// Column of the second texts of pairs; by default text_pair, or what belongs to the first: sentence2, hypothesis...
    #[arg(long, value_name = "COLUMN", help_heading = "Input")]
    pub pair_column: Option<String>,

    /// Column of the right labels, for the loss; by default label in json and jsonl, and none in other tables
    #[arg(long, value_name = "COLUMN", help_heading = "Input")]
    pub label_column: Option<String>,

    /// Column that names the rows, in messages and as id in the output
    #[arg(long, value_name = "COLUMN", help_heading = "Input")]
    pub id_column: Option<String>,

    /// The first row of csv and tsv is a row, and does not name the columns
    #[arg(long, help_heading = "Input")]
    pub no_header: bool,

    /// Names of the columns of csv and tsv whose first row is a row
    #[arg(long, value_name = "NAME", value_delimiter = ',', help_heading = "Input")]
    pub column_names: Vec<String>,

    /// What a quote is in csv and tsv
    #[arg(long, value_enum, value_name = "HOW", default_value = "auto", help_heading = "Input")]
    pub quoting: QuotingName,

    /// What becomes of a row whose text is null
    #[arg(long, value_enum, value_name = "WHAT", default_value = "error", help_heading = "Input")]
    pub null: NullText,

    /// Bytes of the longest row that is read, such as 256MiB; a longer one fails, and is not held in memory
    #[arg(long, alias = "max_row_size", value_name = "SIZE", value_parser = bytes, default_value = "16MiB", help_heading = "Input")]
    pub max_row_size: u64,

    /// Only the first N rows
    #[arg(long, value_name = "N", help_heading = "Input")]
    pub limit: Option<usize>,

    /// Only a slice of the rows of files: 0/8 is the first of eight. Each has rows that follow each other, and all of them are
    /// the whole
    #[arg(long, value_name = "I/N", value_parser = shard, help_heading = "Input")]
    pub shard: Option<(usize, usize)>,
}

/// Which model, and how it reads.
#[derive(Args, Debug)]
pub struct ModelArguments {
    /// Folder of a fine-tuned checkpoint, as transformers' save_pretrained writes it, or a model's name on the Hugging
    /// Face hub; by default a small English sentiment model that is compiled in
    #[arg(short, long, value_name = "DIR|NAME[@REVISION]", help_heading = "Model")]
    pub model: Option<PathBuf>,

    /// What happens to a text longer than the limit
    #[arg(long, value_enum, default_value = "cut", help_heading = "Model")]
    pub truncation: LongTexts,

    /// Limit of a text in tokens, special tokens included; by default the model's
    #[arg(long, value_name = "N", help_heading = "Model")]
    pub max_length: Option<usize>,

    /// Which text of a pair is cut, or has the windows; by default longest-first, and of zero-shot's only-first
    #[arg(long, value_enum, value_name = "WHICH", help_heading = "Model")]
    pub pair_truncation: Option<PairLongTexts>,

    /// Tokens that two neighbouring windows share
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Model")]
    pub stride: usize,

    /// What the answers of a text's windows become: per label the mean, or the largest, of their logits, or the first's alone
    #[arg(long, value_enum, value_name = "HOW", default_value = "mean", help_heading = "Model")]
    pub windows: WindowsName,

    /// How logits become scores, transformers' function_to_apply; by default what the checkpoint's configuration says
    #[arg(long, value_name = "FUNCTION", help_heading = "Model")]
    pub scoring: Option<ScoringFunction>,

    /// Fill the head of a checkpoint that has none with random weights from this seed, instead of refusing; the answers
    /// mean nothing
    #[arg(long, value_name = "SEED", help_heading = "Model")]
    pub random_head: Option<u64>,
}

/// Where results go.
#[derive(Args, Debug)]
pub struct OutputArguments {
    /// Write to this file, whose name tells the format where --format does not. It appears when it is whole: until then it is
    /// FILE.partial
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    pub output: Option<PathBuf>,

    /// Go on where an earlier run of the same command was stopped
    #[arg(long, requires = "output", help_heading = "Output")]
    pub resume: bool,

    /// Replace FILE, and files of tensors, or begin again what was stopped
    #[arg(long, conflicts_with = "resume", help_heading = "Output")]
    pub overwrite: bool,

    /// Say nothing on standard error but errors: no progress, no notes, no summary
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,

    /// Say at the end how long the adapter computed, where it has timestamps
    #[arg(long, conflicts_with = "quiet", help_heading = "Output")]
    pub times: bool,
}

/// How results are written.
#[derive(Args, Debug)]
pub struct TableArguments {
    /// Only read and tokenise: say how many rows and tokens there are, what would be cut or fail, and about how long a run takes
    #[arg(long, help_heading = "Output")]
    pub dry_run: bool,

    /// How to write the answers; by default as FILE is called, else text
    #[arg(short, long, value_enum, help_heading = "Output")]
    pub format: Option<OutputFormat>,

    /// What stands before the name of an answer's column where the input has one of that name
    #[arg(long, value_name = "PREFIX", default_value = "predicted_", help_heading = "Output")]
    pub prefix: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum InputFormat {
    /// What each input looks like
    Auto,
    /// Each line is a text
    Lines,
    /// Each line is an object: {"text": "...", "text_pair": "...", "label": ...}
    Jsonl,
    /// An array of such objects, or of texts
    Json,
    /// Columns between commas, or semicolons
    Csv,
    /// Columns between tabs
    Tsv,
    /// A Parquet file
    Parquet,
    /// Arrow's IPC format: a file (Feather) or a stream
    Arrow,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum NullText {
    /// It fails, the others are answered
    Error,
    /// It is left out
    Skip,
    /// It is an empty text
    Empty,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum QuotingName {
    /// As in RFC 4180 in csv; in tsv a letter, but where it begins and ends a column
    Auto,
    /// As in RFC 4180 in tsv too, as pandas and DuckDB read it: what begins with a quote goes on to its end, over tabs and lines
    Csv,
    /// A letter
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LongTexts {
    /// Its end is cut (or what the checkpoint's truncation_side says), and the row says so
    Cut,
    /// Its beginning is cut
    CutLeft,
    /// It fails, the others are answered
    Refuse,
    /// It is read in windows, whose answers become one
    Windows,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum PairLongTexts {
    /// The longer one, until both fit
    LongestFirst,
    OnlyFirst,
    OnlySecond,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum WindowsName {
    Mean,
    Max,
    First,
}

impl LongTexts {
    /// What it is, where neighbouring windows share so many tokens.
    pub fn truncation(self, stride: usize) -> Truncation {
        match self {
            LongTexts::Cut => Truncation::Cut,
            LongTexts::CutLeft => Truncation::CutLeft,
            LongTexts::Refuse => Truncation::Refuse,
            LongTexts::Windows => Truncation::Windows { stride },
        }
    }
}

impl From<PairLongTexts> for PairTruncation {
    fn from(choice: PairLongTexts) -> PairTruncation {
        match choice {
            PairLongTexts::LongestFirst => PairTruncation::LongestFirst,
            PairLongTexts::OnlyFirst => PairTruncation::OnlyFirst,
            PairLongTexts::OnlySecond => PairTruncation::OnlySecond,
        }
    }
}

impl From<WindowsName> for Windows {
    fn from(choice: WindowsName) -> Windows {
        match choice {
            WindowsName::Mean => Windows::Mean,
            WindowsName::Max => Windows::Max,
            WindowsName::First => Windows::First,
        }
    }
}

impl ModelArguments {
    /// For commands that the compiled-in model is not for: `what` has to be named, such as `example`.
    pub fn refuse_embedded(&self, what: &str, example: &str) -> Result<(), Failure> {
        match &self.model {
            Some(_) => Ok(()),
            None => Err(Failure::Message(format!(
                "name {what} with --model, such as {example}: the model that is compiled in knows its own labels alone"
            ))),
        }
    }

    /// The options that these are.
    pub fn options(&self, options: Options) -> Result<Options, String> {
        if self.stride > 0 && self.truncation != LongTexts::Windows {
            return Err("--stride is of windows: add --truncation windows".into());
        }
        let options = options
            .truncation(self.truncation.truncation(self.stride))
            .pair_truncation(self.pair_truncation.map_or_else(PairTruncation::default, PairTruncation::from));
        let options = options.windows(self.windows.into()).max_length(self.max_length);
        Ok(options.random_head(self.random_head).scoring(self.scoring.map(Into::into)))
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum ScoringFunction {
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

impl InputFormat {
    /// None where each input says what it is.
    pub fn format(self) -> Option<Format> {
        match self {
            InputFormat::Auto => None,
            InputFormat::Lines => Some(Format::Lines),
            InputFormat::Jsonl => Some(Format::Jsonl),
            InputFormat::Json => Some(Format::Json),
            InputFormat::Csv => Some(Format::Csv),
            InputFormat::Tsv => Some(Format::Tsv),
            InputFormat::Parquet => Some(Format::Parquet),
            InputFormat::Arrow => Some(Format::Arrow),
        }
    }
}

impl InputArguments {
    /// For commands that compare answers with nothing.
    pub fn refuse_labels(&self) -> Result<(), Failure> {
        match &self.label_column {
            None => Ok(()),
            Some(_) => Err(Failure::Message("--label-column is for wgbert classify and wgbert evaluate".into())),
        }
    }

    /// How rows are read of which the columns and formats of these say nothing.
    pub fn options_of_others(&self) -> RowOptions {
        RowOptions {
            max_row_size: usize::try_from(self.max_row_size).unwrap_or(usize::MAX),
            null: match self.null {
                NullText::Error => Null::Error,
                NullText::Skip => Null::Skip,
                NullText::Empty => Null::Empty,
            },
            ..RowOptions::default()
        }
    }

    /// How rows are read.
    pub fn options(&self) -> RowOptions {
        RowOptions {
            columns: Columns {
                text: self.text_column.clone(),
                pair: self.pair_column.clone(),
                label: self.label_column.clone(),
                id: self.id_column.clone(),
            },
            no_header: self.no_header,
            column_names: self.column_names.clone(),
            quoting: match self.quoting {
                QuotingName::Auto => Quoting::Auto,
                QuotingName::Csv => Quoting::Csv,
                QuotingName::None => Quoting::None,
            },
            format: self.input_format.format(),
            ..self.options_of_others()
        }
    }
}

fn shard(text: &str) -> Result<(usize, usize), String> {
    let parts = text.split_once('/').and_then(|(index, count)| Some((index.parse().ok()?, count.parse().ok()?)));
    match parts {
        Some((index, count)) if index < count => Ok((index, count)),
        _ => Err("expected I/N, with I from 0 to N - 1".into()),
    }
}

/// A size as transformers' `max_shard_size` takes it: 200MB, or 190MiB, or in bytes.
pub fn bytes(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, u64); 6] =
        [("KB", 1_000), ("MB", 1_000_000), ("GB", 1_000_000_000), ("KIB", 1 << 10), ("MIB", 1 << 20), ("GIB", 1 << 30)];
    let upper = text.trim().to_ascii_uppercase();
    let unit = UNITS.iter().find_map(|(unit, times)| Some((upper.strip_suffix(unit)?, *times)));
    let (number, times) = unit.unwrap_or((&upper, 1));
    let bytes =
        number.trim().parse::<u64>().ok().and_then(|number| number.checked_mul(times)).filter(|bytes| *bytes > 0);
    bytes.ok_or_else(|| "expected a size like 200MB, 1GiB or a number of bytes".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_is_one_of_some() {
        assert_eq!(shard("0/1"), Ok((0, 1)));
        assert_eq!(shard("7/8"), Ok((7, 8)));
        for wrong in ["8/8", "1", "/", "-1/2", "a/b", "0/0", ""] {
            assert!(shard(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_size_has_a_unit_or_is_in_bytes() {
        assert_eq!(["1", "200MB", "2 kib", "1GiB"].map(bytes), [Ok(1), Ok(200_000_000), Ok(2048), Ok(1 << 30)]);
        for wrong in ["0", "-1", "1.5GB", "GB", "", "99999999999GB", "1TB"] {
            assert!(bytes(wrong).is_err(), "{wrong:?}");
        }
    }
}
