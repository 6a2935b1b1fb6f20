//! `wgbert inspect` for people.

use super::adapters::bytes;
use super::inspect::{Description, Device, FEW, Kernel, Parts, Tokens, Words};
use super::text::shorten;
use std::io::{self, Write};

/// A line for each fact, the kernels as a table.
pub fn write_text(out: &mut impl Write, description: &Description<'_>) -> io::Result<()> {
    let mut fact = |name: &str, value: String| writeln!(out, "{name:<15}  {value}");
    fact("model", description.model.clone())?;
    let class = if description.class.is_empty() { String::new() } else { format!(" ({})", description.class) };
    fact("architecture", format!("{}{class}", description.model_type))?;
    if let Some(task) = description.task {
        fact("task", task.into())?;
    }
    fact("labels", format!("{}: {}", description.labels.len(), few(description.labels)))?;
    if let Some(problem_type) = description.problem_type {
        fact("problem type", problem_type.into())?;
    }
    fact("scoring", description.scoring.unwrap_or("unknown").into())?;
    fact("longest text", longest(&description.tokens))?;
    if let Some(words) = &description.tokenizer {
        let Words { kind, vocabulary, class, transformers } = words;
        fact("tokenizer", format!("{kind} of {vocabulary} tokens, as {class} of transformers {transformers}"))?;
    }
    fact("files", bytes(description.files.bytes))?;
    for (element, stored) in &description.files.elements {
        let tensors = if stored.tensors == 1 { "tensor" } else { "tensors" };
        let value = format!(
            "{}: {} {tensors}, {} numbers, {}",
            element,
            stored.tensors,
            stored.parameters,
            bytes(stored.bytes)
        );
        fact("", value)?;
    }
    if !description.files.unused.is_empty() {
        let unused = &description.files.unused;
        fact("not read", format!("{}: {}", unused.len(), few(unused)))?;
    }
    if let Some(parameters) = &description.parameters {
        fact("parameters", split(parameters, "", |count| count.to_string()))?;
    }
    if let Some(weights) = &description.weight_bytes {
        fact("on the device", split(weights, &format!(" as {}", description.precision), bytes))?;
    }
    if let Some(reason) = &description.no_device {
        fact("adapter", reason.clone())?;
    }
    match &description.device {
        Some(device) => write_device(out, device),
        None => Ok(()),
    }
}

fn write_device(out: &mut impl Write, device: &Device) -> io::Result<()> {
    let Device { adapter, storage, kernels, launches, layer_launches, batch } = device;
    let mut fact = |name: &str, value: String| writeln!(out, "{name:<15}  {value}");
    fact("adapter", adapter.clone())?;
    let element = format!("{:?}", storage.activations()).to_lowercase();
    let [activations, tables] = [batch.activation_bytes, batch.table_bytes].map(bytes);
    let memory = format!("{activations} of activations as {element}, {tables} of tables");
    fact("largest batch", format!("{} tokens of at most {} texts: {memory}", batch.tokens, batch.texts))?;
    fact("launches", format!("{} a batch, {} before the first", launches.every_batch, launches.once))?;
    fact("", runs(layer_launches))?;
    writeln!(out, "kernels          a batch   once  variant")?;
    for Kernel { name, variant, constants, launches } in kernels {
        let constants: String = constants.iter().map(|(name, value)| format!(" {name}={value}")).collect();
        let line = format!("  {name:<17} {:>4}  {:>5}  {variant}{constants}", launches.every_batch, launches.once);
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

fn longest(tokens: &Tokens) -> String {
    let source = match (tokens.positions, tokens.tokenizer) {
        (None, None) => return "unknown".into(),
        (Some(positions), Some(tokenizer)) if tokenizer < positions => {
            format!("by the tokenizer's configuration (the model has {positions} positions)")
        }
        (Some(_), Some(tokenizer)) => {
            format!("by the model's positions (the tokenizer's configuration says {tokenizer})")
        }
        (Some(_), None) => "by the model's positions".into(),
        (None, Some(_)) => "by the tokenizer's configuration".into(),
    };
    format!("{} tokens, {source}", tokens.limit.unwrap_or_default())
}

fn split(parts: &Parts, note: &str, show: impl Fn(u64) -> String) -> String {
    let Parts { total, embeddings, layers, head } = parts;
    let [total, embeddings, layers, head] = [total, embeddings, layers, head].map(|count| show(*count));
    format!("{total}{note}: embeddings {embeddings}, layers {layers}, head {head}")
}

/// The first names, each short and without what would command the terminal.
fn few<T: AsRef<str>>(names: &[T]) -> String {
    let shown: Vec<String> = names.iter().take(FEW).map(|name| shorten(name.as_ref(), None, 60)).collect();
    let more = if names.len() > FEW { format!(" and {} more", names.len() - FEW) } else { String::new() };
    shown.join(", ") + &more
}

/// Numbers by layer, equal neighbours together.
fn runs(counts: &[usize]) -> String {
    let mut first = 0;
    let runs = counts.chunk_by(|one, other| one == other).map(|run| {
        let last = first + run.len() - 1;
        let layers = if first == last { format!("layer {first}") } else { format!("each of layers {first} to {last}") };
        first = last + 1;
        format!("{} in {layers}", run[0])
    });
    let runs: Vec<String> = runs.collect();
    few(&runs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_layers_are_one_run() {
        assert_eq!(runs(&[7, 7, 7, 9]), "7 in each of layers 0 to 2, 9 in layer 3");
        assert_eq!(runs(&[5]), "5 in layer 0");
    }

    #[test]
    fn names_are_few_and_harmless() {
        let names: Vec<String> = (0..10).map(|name| format!("a{name}\u{1b}")).collect();
        assert_eq!(few(&names[..2]), "a0 , a1 ");
        assert!(few(&names).ends_with("a7  and 2 more"));
    }
}
