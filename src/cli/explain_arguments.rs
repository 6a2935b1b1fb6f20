//! What can be asked of `wgbert explain`.

use super::arguments::top_k;
use super::row_arguments::JobArguments;
use crate::classifier::PartKind;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

// Lines that fit a terminal of 80 columns, as those of the other commands.
pub const EXPLAIN_HELP: &str = "\
Examples:
  wgbert explain \"This movie was absolutely fantastic.\" --html why.html
  wgbert explain \"It was good. It was not great.\" --by sentence --label negative
  wgbert explain -i reviews.csv --html words.html
  wgbert explain -i reviews.csv -k 5 -o words.parquet

A TEXT:
  Each token, word and sentence is left out, and the rest classified. The effect of a
  part is how much more the label scores with it than without it. text shows the parts
  that moved the answer most, json has all parts, labels and logits.

A file (--input, or standard input), in every format of wgbert classify:
  The words, or what --by says, that moved its answers most: how many rows have each,
  the mean of its effects on the label, and all of them together, by which they are
  ordered. Letters are small. Up to 131,072 words of all labels are remembered; beyond,
  the half that moved least is forgotten. json has the same as an object.
  --output writes a row for each part of each row, the largest effect first: the
  columns of the input, then rank (from 1), part, part_of (text or text_pair), start,
  end (in characters), label, score, effect, truncated and error. What --resume goes on
  with is that file; the words are then those of the rows since.";

#[derive(Args, Debug)]
pub struct ExplainArguments {
    /// Texts to explain the answers to; put -- before one that begins with a dash; - alone is standard input
    #[arg(value_name = "TEXT", conflicts_with = "input")]
    pub texts: Vec<String>,

    /// Second text, which the model reads with each TEXT
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true, conflicts_with = "input", help_heading = "Input")]
    pub pair: Option<String>,

    #[command(flatten)]
    pub job: JobArguments,

    /// The label whose score is looked at; by default the best of each text
    #[arg(long, value_name = "LABEL", help_heading = "Output")]
    pub label: Option<String>,

    /// What is left out
    #[arg(long, value_enum, value_name = "PART", default_value = "word", help_heading = "Output")]
    pub by: PartName,

    /// Only the N parts that moved most, or all: of each TEXT 10 by default, of a file 20, and of each row of --output all
    #[arg(short = 'k', long, value_name = "N|all", value_parser = top_k, help_heading = "Output")]
    pub top_k: Option<usize>,

    /// Columns of the rows of --output, in their order: of the answer index, id, rank, part, part_of, start, end, label, score,
    /// effect, score_without, tokens, truncated, error; those of the input, by name or all of them as *
    #[arg(long, value_name = "NAME", value_delimiter = ',', help_heading = "Output")]
    pub fields: Vec<String>,

    /// Of a TEXT in json, also the attention weights, [layers, heads, tokens, tokens]
    #[arg(long, help_heading = "Output")]
    pub attentions: bool,

    /// Also write a page: of a TEXT its parts by label and the attention by layer and head, of a file the words by label
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub html: Option<PathBuf>,
}

/// What can be left out of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PartName {
    Token,
    Word,
    Sentence,
}

impl From<PartName> for PartKind {
    fn from(name: PartName) -> PartKind {
        match name {
            PartName::Token => PartKind::Token,
            PartName::Word => PartKind::Word,
            PartName::Sentence => PartKind::Sentence,
        }
    }
}

impl PartName {
    /// What some of them are called.
    pub fn plural(self) -> &'static str {
        match self {
            PartName::Token => "tokens",
            PartName::Word => "words",
            PartName::Sentence => "sentences",
        }
    }
}
