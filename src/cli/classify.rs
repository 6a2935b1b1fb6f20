//! `wgbert classify`: the labels of texts, or the entities in them.

use super::arguments::ClassifyArguments;
use super::asked::{Asked, Labels};
use super::input::Input;
use super::job::{Job, debug};
use super::tensors::Tensors;
use super::{Failure, Outcome, entities};

pub fn run(arguments: &ClassifyArguments) -> Result<Outcome, Failure> {
    // What can be refused at once is, before a model is loaded.
    let input = Input::open(&arguments.texts, arguments.pair.as_ref(), &arguments.job.input)?;
    let job = Job {
        fields: &arguments.fields,
        top_k: arguments.top_k,
        threshold: &arguments.threshold,
        labels: Labels::Loss,
        tensors: Tensors::new(arguments)?,
        own: vec![
            ("texts", debug(&(&arguments.texts, &arguments.pair))),
            ("--aggregation", debug(&arguments.aggregation)),
            (
                "file of tensors",
                debug(&(&arguments.hidden_states, &arguments.attentions, &arguments.pooled_output, &arguments.layers)),
            ),
            ("--max-shard-size", arguments.max_shard_size.into()),
        ],
        ..Job::new(input, &arguments.job)
    };
    job.run(|classifier| Ok(Asked::Labels(entities::aggregation(arguments, classifier)?)))
}
