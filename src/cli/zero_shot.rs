//! `wgbert zero-shot`: labels that the model was not trained for.

use super::asked::Asked;
use super::input::Input;
use super::job::{Job, debug};
use super::pair_arguments::ZeroShotArguments;
use super::row_arguments::PairLongTexts;
use super::{Failure, Outcome};
use crate::Error;
use crate::classifier::{Hypotheses, ZeroShot};
use std::collections::HashSet;
use std::fs;
use std::sync::Arc;

pub fn run(arguments: &ZeroShotArguments) -> Result<Outcome, Failure> {
    let refused = |message: &str| Err(Failure::Message(message.into()));
    let example = "MoritzLaurer/deberta-v3-base-zeroshot-v2.0";
    arguments.job.model.refuse_embedded("a model of natural language inference", example)?;
    arguments.job.input.refuse_labels()?;
    if arguments.job.model.scoring.is_some() {
        return refused(
            "--scoring is not the model's here: shares of one, or with --multi-label each label on its own",
        );
    }
    if !matches!(arguments.job.model.pair_truncation, None | Some(PairLongTexts::OnlyFirst)) {
        return refused("--pair-truncation: the text is cut, and never what is said of it (only-first)");
    }
    let asked = ZeroShot::new(labels(arguments)?)
        .hypothesis_template(&arguments.hypothesis_template)
        .multi_label(arguments.multi_label);
    let input = Input::open(&arguments.texts, None, &arguments.job.input)?;
    let job = Job {
        fields: &arguments.fields,
        top_k: arguments.top_k,
        threshold: &arguments.threshold,
        own: vec![("texts", debug(&arguments.texts)), ("labels", debug(&asked))],
        ..Job::new(input, &arguments.job)
    };
    job.run(|classifier| Ok(Asked::ZeroShot(Arc::new(Hypotheses::new(classifier, &asked)?), asked)))
}

/// The candidate labels, which an output has columns of: each once.
fn labels(arguments: &ZeroShotArguments) -> Result<Vec<String>, Failure> {
    let mut labels: Vec<String> = arguments.labels.clone();
    if let Some(path) = &arguments.labels_file {
        let failed = |source: std::io::Error| Error::File { action: "read", path: path.clone(), source: source.into() };
        let text = fs::read_to_string(path).map_err(failed)?;
        labels.extend(text.trim_start_matches('\u{feff}').lines().map(String::from));
    }
    let labels: Vec<String> =
        labels.iter().map(|label| label.trim()).filter(|label| !label.is_empty()).map(String::from).collect();
    let mut seen = HashSet::new();
    match labels.iter().find(|label| !seen.insert(label.as_str())) {
        Some(label) => Err(Failure::Message(format!("the label {label:?} is asked for twice"))),
        None if labels.is_empty() => Err(Failure::Message(
            "no label: name some with --labels a,b,c, or a file with a line for each with --labels-file FILE".into(),
        )),
        None => Ok(labels),
    }
}
