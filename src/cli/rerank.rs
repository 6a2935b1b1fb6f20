//! `wgbert rerank`: documents by how well they answer a query.

use super::asked::Asked;
use super::documents::{self, Documents};
use super::input::Input;
use super::job::{Job, debug};
use super::pair_arguments::RerankArguments;
use super::{Failure, Outcome};
use crate::rows::{Columns, RowOptions};
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub fn run(arguments: &RerankArguments) -> Result<Outcome, Failure> {
    arguments.job.model.refuse_embedded("a cross-encoder", "cross-encoder/ms-marco-MiniLM-L6-v2")?;
    arguments.job.input.refuse_labels()?;
    let queries: Vec<String> = arguments.query.iter().cloned().collect();
    let documents = documents(arguments)?;
    if documents.is_none() && arguments.top_k.is_some() {
        let message =
            "--top-k is of the documents of a query: each row is a query with one; name documents with --documents";
        return Err(Failure::Message(message.into()));
    }
    let mut checksum = crc32fast::Hasher::new();
    for document in documents.iter().flatten() {
        checksum.update(document.as_bytes());
        checksum.update(&[0]);
    }
    let input = Input::open(&queries, None, &arguments.job.input)?;
    let job = Job {
        fields: &arguments.fields,
        top_k: arguments.top_k,
        own: vec![("queries", debug(&queries)), ("documents", debug(&documents.as_ref().map(|_| checksum.finalize())))],
        ..Job::new(input, &arguments.job)
    };
    job.run(|classifier| {
        // What it refuses is, before anything is read.
        classifier.pair_scoring()?;
        let top = arguments.top_k.unwrap_or(usize::MAX);
        let ranked = documents.map(|documents| Documents::new(documents, &classifier.encoder(), top));
        Ok(ranked.map_or(Asked::Pair, |documents| Asked::Documents(Arc::new(documents))))
    })
}

/// The documents that every query is held against; none where each row has its own.
fn documents(arguments: &RerankArguments) -> Result<Option<Vec<String>>, Failure> {
    let refused = |message: &str| Err(Failure::Message(message.into()));
    if !arguments.document.is_empty() {
        return Ok(Some(arguments.document.clone()));
    }
    let mut paths = arguments.documents.clone();
    let is_stdin = |path: &PathBuf| path == Path::new("-");
    let queries_are_stdin = match &arguments.query {
        Some(query) => query == "-",
        None => arguments.job.input.input.is_empty() || arguments.job.input.input.iter().any(is_stdin),
    };
    if paths.is_empty() && arguments.query.is_some() {
        if io::stdin().is_terminal() || queries_are_stdin {
            return refused(
                "no document: write some behind the query, name a file of them with --documents FILE, or pipe lines into \
                 standard input; wgbert help rerank shows examples",
            );
        }
        paths.push("-".into());
    }
    if paths.is_empty() {
        return match arguments.document_column {
            None => Ok(None),
            Some(_) => refused("--document-column is of --documents; a row's own document is --pair-column"),
        };
    }
    if paths.iter().any(is_stdin) && (paths.len() > 1 || queries_are_stdin) {
        return refused("standard input has either the documents or the queries, and no files beside it");
    }
    let input = &arguments.job.input;
    // Where the query is written here there is no other input that these could be said of.
    let said = if arguments.query.is_some() { input.options() } else { input.options_of_others() };
    let options = RowOptions {
        format: arguments.document_format.format().or(said.format),
        columns: Columns { text: arguments.document_column.clone().or(said.columns.text), ..Columns::default() },
        ..said
    };
    documents::read(&paths, options, arguments.job.output.quiet).map(Some)
}
