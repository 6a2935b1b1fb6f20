//! Texts of more than one encoding, which are answered as one.

use super::{Classifier, Request};
use crate::checkpoint::{Config, Scoring};
use crate::error::{Error, Result};
use crate::label;
use crate::models::Task;
use crate::options::Options;
use crate::output::{Joining, SequenceClassifierOutput};
use crate::text::{Encoding, Tokenizer, Truncation, Windows};
use std::sync::Arc;

/// What texts may be, once it is known that options and files agree; `positions`: the tokens that the model has them for.
///
/// # Errors
/// [`Error::Unsupported`] for a length that the model or its tokenizer cannot have, and for windows that hold too little, or
/// are of a classifier of tokens.
pub(super) fn max_length(
    options: &Options,
    config: &Config,
    tokenizer: &Tokenizer,
    positions: usize,
    task: Task,
) -> Result<usize> {
    let special = tokenizer.special();
    let longest = match options.max_length {
        Some(longest) if longest <= special || longest > positions => {
            let supported = format!(
                "{} (one beside the {special} special tokens) to {positions} (the model's positions)",
                special + 1
            );
            return Err(config.unsupported(&format!("a maximum length of {longest} tokens"), &supported));
        }
        Some(longest) => longest,
        None => config.max_length().or(tokenizer.max_length()).unwrap_or(usize::MAX).min(positions),
    };
    if let Truncation::Windows { stride } = options.truncation {
        let room = longest.saturating_sub(special);
        if task == Task::TokenClassification {
            return Err(
                config.unsupported("splitting texts into windows to classify tokens", "cutting and refusing them")
            );
        }
        if stride >= room {
            return Err(config.unsupported(
                &format!("a stride of {stride} tokens"),
                &format!("strides below the {room} tokens of a text that a window of {longest} holds"),
            ));
        }
    }
    Ok(longest)
}

impl Classifier {
    /// Runs texts of one encoding or more, as [`TextEncoder::encode_windows_all`](crate::TextEncoder::encode_windows_all)
    /// makes them, and joins the answers to the encodings of a text by [`Options::windows`](crate::Options::windows).
    /// [`Classifier::classify`] does both. Labels are one a text; a text of one encoding is answered as
    /// [`Classifier::run`] answers it, to the bit, and of the others no answer depends on the texts beside it.
    ///
    /// ```
    /// # #[cfg(feature = "embedded")] {
    /// use wgbert::{Options, Request, Truncation, Windows};
    ///
    /// let split = Truncation::Windows { stride: 8 };
    /// let classifier = Options::default().max_length(32).truncation(split).windows(Windows::Mean).sentiment()?;
    /// let text = "It was not what I had hoped for, but it was good. ".repeat(5);
    /// let output = classifier.run_windows(&[classifier.encoder().encode_windows(0, &text)?], &Request::default())?;
    /// assert_eq!((output.len(), output.windows[0]), (1, 3));
    /// # }
    /// # Ok::<(), wgbert::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`Classifier::run`], by the position of the text, and [`Error::Text`] for one without encodings, or with
    /// more than one where hidden states, attentions or pooled outputs are wanted: each window has its own. With [`Windows::First`] the
    /// first window's are given.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn run_windows(&self, texts: &[Vec<Encoding>], request: &Request) -> Result<SequenceClassifierOutput> {
        self.0.engine.block_on(self.run_windows_async(texts, request))
    }

    /// [`Classifier::run_windows`] without blocking while the device computes, as [`Classifier::classify_async`].
    ///
    /// # Errors
    /// Those of [`Classifier::run_windows`].
    pub async fn run_windows_async(
        &self,
        texts: &[Vec<Encoding>],
        request: &Request,
    ) -> Result<SequenceClassifierOutput> {
        self.run_scored(texts, request, self.0.scoring).await
    }

    /// [`Classifier::run_windows_async`] with other scores than the model's.
    pub(crate) async fn run_scored(
        &self,
        texts: &[Vec<Encoding>],
        request: &Request,
        scoring: Scoring,
    ) -> Result<SequenceClassifierOutput> {
        self.expect(Task::SequenceClassification)?;
        let loss = label::loss_kind(self.config(), &request.labels, texts.len())?;
        let (how, tensors) = (self.0.windows, request.hidden_states || request.attentions || request.pooled_output);
        let (mut encodings, mut labels, mut text_of) = (Vec::new(), Vec::new(), Vec::new());
        for (index, windows) in texts.iter().enumerate() {
            let refuse = |message: String| Err(Error::Text { index, message });
            let run = match windows.len() {
                0 => return refuse("it has no encoding".into()),
                _ if how == Windows::First => &windows[..1],
                count if tensors && count > 1 => {
                    return refuse(format!(
                        "it is split into {count} windows, and each has hidden states, attentions and a pooled output of its \
                         own: ask without them, or run the windows as texts"
                    ));
                }
                _ => windows,
            };
            // The loss of a text that is split is made of the joined logits.
            let label = request.labels.get(index).filter(|_| run.len() == 1).cloned().flatten();
            labels.extend(run.iter().map(|_| label.clone()));
            text_of.extend(run.iter().map(|_| index));
            encodings.extend(run.iter().cloned());
        }
        if loss.is_none() {
            labels.clear();
        }
        let encodings: Arc<[Encoding]> = encodings.into();
        let request_of_windows = Request { labels, ..*request };
        let answer = self.answer(encodings.clone(), &request_of_windows, scoring).await;
        let of_text = |error| match error {
            Error::Text { index, message } => Error::Text { index: text_of[index], message },
            error => error,
        };
        let mut output = answer.map_err(of_text)?.into_sequences(&encodings, &request_of_windows.labels);
        let counts = texts.iter().map(Vec::len);
        if how == Windows::First {
            output.windows = counts.collect();
            let cut = output.truncated.iter_mut().zip(&output.windows);
            cut.for_each(|(truncated, windows)| *truncated |= *windows > 1);
            return Ok(output);
        }
        let joining = Joining { how, scoring, loss, labels: &request.labels };
        Ok(output.joined(&counts.collect::<Vec<_>>(), &joining))
    }
}
