//! Labels that the model was not trained for: each becomes a hypothesis, and a model of natural language inference says
//! whether it follows from the text (transformers, pipelines/zero_shot_classification.py).

use super::{Classifier, Request, Task};
use crate::checkpoint::Scoring;
use crate::error::{Error, Result};
use crate::output::{Array, SequenceClassifierOutput, ZeroShotAnswer};
#[cfg(not(target_arch = "wasm32"))]
use crate::stream::ZeroShotIter;
use crate::stream::{Answering, ZeroShotStream};
use crate::text::{Encoding, PairTruncation, Sequence, TextEncoder, on_threads};
use futures_core::Stream;
use std::sync::Arc;

/// The labels that texts are held against, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ZeroShot {
    /// The candidate labels, at least one.
    pub labels: Vec<String>,
    /// What a label becomes: `{}`, or `{0}`, stands for it, and `{{` and `}}` for braces, as in Python's `str.format`.
    pub hypothesis_template: String,
    /// Whether each label holds on its own, however likely the others are. One label always does.
    pub multi_label: bool,
}

/// Each but the first gives a field another value.
impl ZeroShot {
    /// These labels by the pipeline's own template, of which one holds.
    pub fn new<L: Into<String>>(labels: impl IntoIterator<Item = L>) -> ZeroShot {
        ZeroShot {
            labels: labels.into_iter().map(Into::into).collect(),
            hypothesis_template: "This example is {}.".into(),
            multi_label: false,
        }
    }

    /// What a label becomes.
    pub fn hypothesis_template(self, template: impl Into<String>) -> ZeroShot {
        ZeroShot { hypothesis_template: template.into(), ..self }
    }

    /// Whether each label holds on its own.
    pub fn multi_label(self, multi_label: bool) -> ZeroShot {
        ZeroShot { multi_label, ..self }
    }

    /// Whether each label holds on its own: one label always does.
    pub(crate) fn is_multi_label(&self) -> bool {
        self.multi_label || self.labels.len() == 1
    }

    /// The hypothesis of each label.
    fn hypotheses(&self) -> Result<Vec<String>> {
        let template = &self.hypothesis_template;
        let refused = |what: &str| {
            let message = format!("the hypothesis template {template:?} {what}, like \"This example is {{}}.\"");
            Error::Request { message }
        };
        let pieces = pieces(template).map_err(|what| refused(&what))?;
        if self.labels.is_empty() {
            return Err(Error::Request { message: "there is no candidate label; name one or more".into() });
        }
        let fill = |label: &String| pieces.iter().map(|piece| piece.as_deref().unwrap_or(label)).collect();
        Ok(self.labels.iter().map(fill).collect())
    }
}

/// A template as Python's `str.format` reads it, `None` where the label goes; or what is wrong with it.
fn pieces(template: &str) -> Result<Vec<Option<String>>, String> {
    let (mut pieces, mut text) = (Vec::new(), String::new());
    let (mut fields, mut letters) = (Vec::new(), template.chars().peekable());
    while let Some(letter) = letters.next() {
        match letter {
            '{' | '}' if letters.next_if_eq(&letter).is_some() => text.push(letter),
            '{' => {
                let mut field = String::new();
                loop {
                    match letters.next() {
                        Some('}') => break,
                        Some(letter) => field.push(letter),
                        None => return Err("has a single {, where {{ is a brace".into()),
                    }
                }
                if !["", "0"].contains(&field.as_str()) {
                    return Err(format!("has {{{field}}}, but needs {{}} where the label goes, and {{{{ for a brace"));
                }
                fields.push(field);
                pieces.extend([Some(std::mem::take(&mut text)), None]);
            }
            '}' => return Err("has a single }, where }} is a brace".into()),
            letter => text.push(letter),
        }
    }
    pieces.push(Some(text));
    match fields.as_slice() {
        [] => Err("has no {} where the label goes".into()),
        [_] => Ok(pieces),
        fields if fields.iter().all(|field| field == "0") => Ok(pieces),
        _ => Err("has {} more than once; {0} may be repeated".into()),
    }
}

/// Candidate labels as one model reads them.
#[derive(Clone, Debug)]
pub(crate) struct Hypotheses {
    labels: Arc<[String]>,
    encoder: TextEncoder,
    /// One a label.
    tokens: Arc<[Sequence]>,
    multi_label: bool,
    /// The model's labels that a hypothesis follows, and that it contradicts the text.
    entailment: usize,
    contradiction: usize,
}

impl Hypotheses {
    /// # Errors
    /// Those of [`Classifier::zero_shot`] for any text.
    pub(crate) fn new(classifier: &Classifier, asked: &ZeroShot) -> Result<Hypotheses> {
        classifier.expect(Task::SequenceClassification)?;
        let hypotheses = asked.hypotheses()?;
        // The hypothesis is whole, and nothing stands before the text.
        let encoder = classifier.0.encoder.clone().with_prompt(None).with_pairs(PairTruncation::OnlyFirst);
        let tokens = on_threads(&hypotheses, |index, hypothesis| encoder.second_of_pairs(index, hypothesis));
        let tokens = tokens.into_iter().zip(&asked.labels).map(|(tokens, label)| match tokens {
            Err(Error::Text { message, .. }) => Err(Error::Request { message: format!("label {label:?}: {message}") }),
            tokens => tokens,
        });
        let last = classifier.labels().len() - 1;
        let entailment = classifier.config().entailment()?.unwrap_or_else(|| {
            let (path, label) = (classifier.config().path().display(), &classifier.labels()[last]);
            classifier.0.entailment_said.call_once(|| {
                log::warn!(
                    "{path}: no label begins with \"entail\"; as in transformers the last one is taken for it, {label:?}"
                );
            });
            last
        });
        Ok(Hypotheses {
            labels: asked.labels.clone().into(),
            tokens: tokens.collect::<Result<_>>()?,
            encoder,
            multi_label: asked.is_multi_label(),
            entailment,
            contradiction: if entailment == 0 { last } else { 0 },
        })
    }

    /// The encodings of a text with each hypothesis.
    pub(crate) fn encode(&self, index: usize, text: &str) -> Result<Vec<Vec<Encoding>>> {
        let text = self.encoder.first_of_pairs(index, text)?;
        self.tokens.iter().map(|hypothesis| self.encoder.encode_pair(index, &text, hypothesis)).collect()
    }

    /// [`Hypotheses::encode`] of each text.
    pub(crate) fn encode_all<T: AsRef<str> + Sync>(&self, texts: &[T]) -> Vec<Result<Vec<Vec<Encoding>>>> {
        on_threads(texts, |index, text| self.encode(index, text.as_ref()))
    }

    /// The answers to texts, of those to each with each hypothesis.
    pub(crate) fn answers(&self, output: &SequenceClassifierOutput) -> Vec<ZeroShotAnswer> {
        let labels = self.labels.len();
        let answer = |text: usize| {
            let pairs = text * labels..(text + 1) * labels;
            let logits: Vec<&[f32]> = pairs.clone().map(|pair| output.logits.row(pair)).collect();
            ZeroShotAnswer {
                labels: self.labels.clone(),
                scores: self.scores(&logits),
                logits: Array { shape: vec![labels, output.labels.len()], values: logits.concat() },
                tokens: output.tokens[pairs.clone()].iter().sum(),
                truncated: output.truncated[pairs].contains(&true),
            }
        };
        (0..output.len() / labels).map(answer).collect()
    }

    fn scores(&self, logits: &[&[f32]]) -> Vec<f32> {
        let entailment = logits.iter().map(|logits| logits[self.entailment]);
        if self.multi_label {
            let contradiction = logits.iter().map(|logits| logits[self.contradiction]);
            return entailment
                .zip(contradiction)
                .map(|(entails, contradicts)| softmax(&[entails, contradicts])[0])
                .collect();
        }
        softmax(&entailment.collect::<Vec<f32>>())
    }
}

fn softmax(logits: &[f32]) -> Vec<f32> {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let shares: Vec<f64> = logits.iter().map(|&logit| f64::from(logit - largest).exp()).collect();
    let sum: f64 = shares.iter().sum();
    shares.iter().map(|share| (share / sum) as f32).collect()
}

impl Classifier {
    /// Says of each text how likely labels are that the model was not trained for, as transformers' zero-shot pipeline: a model of
    /// natural language inference is asked whether each label's hypothesis follows from the text. A text that is too long
    /// is cut, or split, and never a hypothesis.
    ///
    /// The tokens of each text and of each hypothesis are made once, and all pairs of them answered in full batches.
    ///
    /// ```no_run
    /// use wgbert::{Classifier, ZeroShot};
    ///
    /// let model = Classifier::load("path/to/a/model/of/nli")?;
    /// let labels = ZeroShot::new(["urgent", "not urgent", "phone"]).multi_label(true);
    /// for answer in model.zero_shot(["My phone is broken, and I need it today."], &labels)? {
    ///     println!("{:?}", answer.top(3));
    /// }
    /// # Ok::<(), wgbert::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Request`] for a template that has no place for the label, and where there is no label; [`Error::Malformed`] if
    /// the model's configuration names several labels of entailment; [`Error::WrongTask`] if it classifies tokens,
    /// [`Error::Text`] with the position of the first text that cannot be answered, such as where a hypothesis leaves no room
    /// for it, and the device's errors.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn zero_shot<T: AsRef<str>>(
        &self,
        texts: impl IntoIterator<Item = T>,
        asked: &ZeroShot,
    ) -> Result<Vec<ZeroShotAnswer>> {
        self.0.engine.block_on(self.zero_shot_async(texts, asked))
    }

    /// [`Classifier::zero_shot`] without blocking while the device computes, as [`Classifier::classify_async`].
    ///
    /// # Errors
    /// Those of [`Classifier::zero_shot`].
    pub async fn zero_shot_async<T: AsRef<str>>(
        &self,
        texts: impl IntoIterator<Item = T>,
        asked: &ZeroShot,
    ) -> Result<Vec<ZeroShotAnswer>> {
        let hypotheses = Hypotheses::new(self, asked)?;
        let texts: Vec<T> = texts.into_iter().collect();
        let texts: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
        let pairs = hypotheses.encode_all(&texts).into_iter().collect::<Result<Vec<_>>>()?.into_iter().flatten();
        let pairs: Vec<Vec<Encoding>> = pairs.collect();
        let answer = self.run_scored(&pairs, &Request::default(), Scoring::None).await;
        let of_text = |error| match error {
            Error::Text { index, message } => Error::Text { index: index / hypotheses.labels.len(), message },
            error => error,
        };
        Ok(hypotheses.answers(&answer.map_err(of_text)?))
    }

    /// The answers to an iterator's texts, in their order, however many there are, as [`Classifier::classify_iter`]. A text that
    /// cannot be answered is an error in its place.
    ///
    /// # Errors
    /// Those of [`Classifier::zero_shot`] for any text.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn zero_shot_iter<I: IntoIterator<Item: Into<String>>>(
        &self,
        texts: I,
        asked: &ZeroShot,
    ) -> Result<ZeroShotIter<I::IntoIter>>
    where
        I::IntoIter: Unpin,
    {
        Ok(ZeroShotIter::new(self.answering(asked)?, texts.into_iter()))
    }

    /// [`Classifier::zero_shot_iter`] of a stream, without blocking, as [`Classifier::classify_stream`].
    ///
    /// # Errors
    /// Those of [`Classifier::zero_shot`] for any text.
    pub fn zero_shot_stream<S: Stream<Item: Into<String>> + Unpin>(
        &self,
        texts: S,
        asked: &ZeroShot,
    ) -> Result<ZeroShotStream<S>> {
        Ok(ZeroShotStream::new(self.answering(asked)?, texts))
    }

    fn answering(&self, asked: &ZeroShot) -> Result<Answering<String, ZeroShotAnswer>> {
        let hypotheses = Hypotheses::new(self, asked)?;
        let pairs = hypotheses.labels.len();
        let encoding = hypotheses.clone();
        let encode = move |texts: &[String]| encoding.encode_all(texts);
        let answers = move |output| hypotheses.answers(&output);
        Ok(Answering::new(self.clone(), Scoring::None, encode, answers).of_texts(pairs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hypothesis(template: &str) -> Result<String> {
        Ok(ZeroShot::new(["a b"]).hypothesis_template(template).hypotheses()?.remove(0))
    }

    /// What Python's `str.format` makes of them.
    #[test]
    fn templates_are_formatted_as_in_python() {
        for (template, expected) in [
            ("This example is {}.", "This example is a b."),
            ("{}", "a b"),
            ("{0}, {0}", "a b, a b"),
            ("{{}} {}", "{} a b"),
            ("{{{}}}", "{a b}"),
            ("東京 {0}}}", "東京 a b}"),
        ] {
            assert_eq!(hypothesis(template).unwrap(), expected);
        }
        for (template, words) in [
            ("This example is.", "no {}"),
            ("", "no {}"),
            ("{{}}", "no {}"),
            ("{} {}", "more than once"),
            ("{0} {}", "more than once"),
            ("{label}", "{label}"),
            ("{1}", "{1}"),
            ("{!r}", "{!r}"),
            ("a } {}", "single }"),
            ("{} {", "single {"),
        ] {
            let message = hypothesis(template).unwrap_err().to_string();
            assert!(message.contains(words) && message.contains(&format!("{template:?}")), "{message}");
        }
        let none = ZeroShot::new([""; 0]).hypotheses().unwrap_err().to_string();
        assert!(none.contains("no candidate label"), "{none}");
    }

    #[test]
    fn shares_are_stable() {
        assert_eq!(softmax(&[1e30, 0.0]), [1.0, 0.0]);
        assert_eq!(softmax(&[-1e4, -1e4]), [0.5, 0.5]);
        assert!(softmax(&[f32::NAN, 0.0]).iter().all(|share| share.is_nan()));
    }
}
