//! What can be asked of models that read pairs: documents for a query, and labels that were never trained.

use super::arguments::top_k;
use super::row_arguments::{InputFormat, JobArguments};
use clap::Args;
use std::path::PathBuf;

// Lines that fit a terminal of 80 columns, as those of the other commands.
pub const RERANK_HELP: &str = "\
Examples:
  wgbert rerank -m cross-encoder/ms-marco-MiniLM-L6-v2 \"how big is Berlin\" \"Berlin
    has 3.7 million inhabitants.\" \"Berlin is known for its museums.\"
  wgbert rerank -m MODEL \"how big is Berlin\" --documents passages.parquet -k 10
  wgbert rerank -m MODEL -i queries.jsonl --documents passages.jsonl -k 10 -o top.csv
  wgbert rerank -m MODEL -i pairs.csv --text-column query --pair-column passage

Input:
  Every query, the QUERY or the rows of --input, is held against all documents; where
  there are none, each row has its own: the second text of a pair. Inputs and
  documents are read in every format of wgbert classify.

Output:
  A row for each of a query's documents, the best first: the columns of the query's
  row, then rank (from 1), corpus_id (from 0), document, score, truncated and error. A
  document that cannot be scored stands behind the others, whatever --top-k is.
  The score is what the checkpoint's activation makes of the logit, by default a
  sigmoid's; --scoring none gives the logit itself. A pair that is too long is cut at
  the longer of its texts (--pair-truncation), or read in windows (--truncation).
  text is for eyes on a terminal; elsewhere a line has rank, score, document and query
  between tabs, or score, query and document.

Model:
  One label, which is how well both texts belong together.";

pub const ZERO_SHOT_HELP: &str = "\
Examples:
  wgbert zero-shot -m MoritzLaurer/deberta-v3-base-zeroshot-v2.0 -l travel,cooking
    \"I will see the world.\"
  wgbert zero-shot -m MODEL -i reviews.csv --labels-file topics.txt -o topics.parquet
    --multi-label --threshold 0.8 --hypothesis-template \"This review is about {}.\"

Labels:
  Each becomes a hypothesis, and its score says whether that follows from the text. Of
  the model's own labels the one that begins with entail says so, else, with a
  warning, the last. With --multi-label a label's score is its entailment against its
  contradiction, and the column labels has all above --threshold. A text that is too
  long is cut, and never a hypothesis.

Input and output are those of wgbert classify, but for what is made of logits.";

#[derive(Args, Debug)]
pub struct RerankArguments {
    /// What is looked for; - alone is queries from standard input, a line each
    #[arg(value_name = "QUERY", conflicts_with = "input")]
    pub query: Option<String>,

    /// Documents to rank; put -- before one that begins with a dash
    #[arg(value_name = "DOCUMENT", conflicts_with = "documents")]
    pub document: Vec<String>,

    /// File of documents, which are ranked for every query, folder of such files, pattern, or - for standard input, which is
    /// also read where there is a QUERY and no DOCUMENT; may be repeated
    #[arg(long, value_name = "FILE", help_heading = "Input")]
    pub documents: Vec<PathBuf>,

    /// Column of the documents in these, by name or by number from 1; by default the only one that is called text, document,
    /// content...
    #[arg(long, value_name = "COLUMN", conflicts_with = "document", help_heading = "Input")]
    pub document_column: Option<String>,

    /// What the documents are, where their names and first bytes do not say it; of a QUERY the same as --input-format
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "auto", help_heading = "Input")]
    pub document_format: InputFormat,

    #[command(flatten)]
    pub job: JobArguments,

    /// Columns of the rows, in their order: of the answer index, id, rank, corpus_id, document, score, logit, tokens, truncated,
    /// error; those of the input, by name or all of them as *; all for what json has by default. Not for text
    ///
    /// By default *, rank, corpus_id (the document's place among all, from 0), document, score, truncated and error; where rows
    /// have a document each, *, score, truncated and error. A column of the input is meant for certain as input:NAME.
    #[arg(long, value_name = "NAME", value_delimiter = ',', help_heading = "Output")]
    pub fields: Vec<String>,

    /// Only the N best documents of each query, or all
    #[arg(short = 'k', long, value_name = "N|all", value_parser = top_k, help_heading = "Output")]
    pub top_k: Option<usize>,
}

#[derive(Args, Debug)]
pub struct ZeroShotArguments {
    /// Texts to classify; put -- before one that begins with a dash; - alone is standard input
    #[arg(value_name = "TEXT", conflicts_with = "input")]
    pub texts: Vec<String>,

    /// The labels to choose from; may be repeated
    #[arg(short, long, value_name = "LABEL", value_delimiter = ',', help_heading = "Labels")]
    pub labels: Vec<String>,

    /// More of them from a file, a line each, where commas part nothing
    #[arg(long, value_name = "FILE", help_heading = "Labels")]
    pub labels_file: Option<PathBuf>,

    /// What is asked of a label: {} stands for it
    #[arg(long, value_name = "TEMPLATE", default_value = "This example is {}.", help_heading = "Labels")]
    pub hypothesis_template: String,

    /// Each label holds or not, whatever the others do; otherwise their scores are shares of one
    #[arg(long, help_heading = "Labels")]
    pub multi_label: bool,

    #[command(flatten)]
    pub job: JobArguments,

    /// Columns of the rows, in their order: of the answer index, id, label, score, labels, score_LABEL, score_*, probabilities,
    /// scores, argmax, tokens, truncated, error; those of the input, by name or all of them as *; all for what json has by default. Not
    /// for text
    ///
    /// By default *, label, score, truncated and error, and with --multi-label also labels. A column of the input is meant for
    /// certain as input:NAME.
    #[arg(long, value_name = "NAME", value_delimiter = ',', help_heading = "Output")]
    pub fields: Vec<String>,

    /// Show the N best labels of each text, or all; in tables label_2, score_2 and so on
    #[arg(short = 'k', long, value_name = "N|all", value_parser = top_k, help_heading = "Output")]
    pub top_k: Option<usize>,

    /// Score above which a label holds with --multi-label, for all labels, or as LABEL=SCORE for one; may be repeated
    #[arg(long, value_name = "SCORE|LABEL=SCORE", value_delimiter = ',', help_heading = "Output")]
    pub threshold: Vec<String>,
}
