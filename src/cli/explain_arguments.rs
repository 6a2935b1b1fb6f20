//! What can be asked of `wgbert explain`.

use super::arguments::{ListFormat, top_k};
use super::device::DeviceArguments;
use super::row_arguments::ModelArguments;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

#[derive(Args, Debug)]
pub struct ExplainArguments {
    /// Texts to explain the answers to; put -- before one that begins with a dash
    #[arg(value_name = "TEXT", required = true)]
    pub texts: Vec<String>,

    /// Second text, which the model reads with each TEXT
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true, help_heading = "Input")]
    pub pair: Option<String>,

    #[command(flatten)]
    pub model: ModelArguments,

    /// The label whose score is looked at; by default the best of each text
    #[arg(long, value_name = "LABEL", help_heading = "Output")]
    pub label: Option<String>,

    /// What is left out
    #[arg(long, value_enum, value_name = "PART", default_value = "word", help_heading = "Output")]
    pub by: PartName,

    /// List the N parts that moved the answer most, or all; by default 10
    #[arg(short = 'k', long, value_name = "N|all", value_parser = top_k, help_heading = "Output")]
    pub top_k: Option<usize>,

    /// How to write it; json has every part, label and logit
    #[arg(short, long, value_enum, default_value = "text", help_heading = "Output")]
    pub format: ListFormat,

    /// In json, also the attention weights, [layers, heads, tokens, tokens]
    #[arg(long, help_heading = "Output")]
    pub attentions: bool,

    /// Also write a page that shows it by label, by part, and the attention by layer and head
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub html: Option<PathBuf>,

    /// Replace the page that is there
    #[arg(long, requires = "html", help_heading = "Output")]
    pub overwrite: bool,

    /// Say nothing on standard error but errors
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,

    #[command(flatten)]
    pub device: DeviceArguments,
}

/// What can be left out of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PartName {
    Token,
    Word,
    Sentence,
}
