//! The calls of classifiers of tokens.

use super::{Classifier, Request};
use crate::error::{Error, Result};
use crate::models::Task;
use crate::output::TokenClassifierOutput;
use crate::text::{Encoding, Text};
use std::sync::Arc;

impl Classifier {
    /// Classifies the tokens of texts, with a checkpoint of token classification.
    ///
    /// # Errors
    /// [`Error::WrongTask`] if the model classifies texts, [`Error::Text`] with the position of the first text that cannot be
    /// classified, such as a pair, and the device's errors.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn classify_tokens<'a, T: Into<Text<'a>>>(
        &self,
        texts: impl IntoIterator<Item = T>,
    ) -> Result<TokenClassifierOutput> {
        self.0.engine.block_on(self.classify_tokens_async(texts))
    }

    /// [`Classifier::classify_tokens`] without blocking while the device computes, as [`Classifier::classify_async`].
    ///
    /// # Errors
    /// Those of [`Classifier::classify_tokens`].
    pub async fn classify_tokens_async<'a, T: Into<Text<'a>>>(
        &self,
        texts: impl IntoIterator<Item = T>,
    ) -> Result<TokenClassifierOutput> {
        self.expect(Task::TokenClassification)?;
        let texts: Vec<Text<'a>> = texts.into_iter().map(Into::into).collect();
        let encodings = self.0.encoder.encode_every(&texts)?;
        self.run_tokens_async(&encodings, &Request::default()).await
    }

    /// [`Classifier::run`] for a model that classifies tokens, with encodings of its own [`Classifier::encoder`].
    ///
    /// # Errors
    /// [`Error::WrongTask`] if the model classifies texts, [`Error::Text`] for a label, since the loss of tokens is not
    /// computed, and those of [`Classifier::run`].
    #[cfg(not(target_arch = "wasm32"))]
    pub fn run_tokens(&self, encodings: &[Encoding], request: &Request) -> Result<TokenClassifierOutput> {
        self.0.engine.block_on(self.run_tokens_async(encodings, request))
    }

    /// [`Classifier::run_tokens`] without blocking while the device computes, as [`Classifier::classify_async`].
    ///
    /// # Errors
    /// Those of [`Classifier::run_tokens`].
    pub async fn run_tokens_async(&self, encodings: &[Encoding], request: &Request) -> Result<TokenClassifierOutput> {
        self.expect(Task::TokenClassification)?;
        if let Some(index) = request.labels.iter().position(Option::is_some) {
            let message = "it has a label, but the loss of a classifier of tokens is not computed".into();
            return Err(Error::Text { index, message });
        }
        let encodings: Arc<[Encoding]> = encodings.into();
        let answer = self.answer(encodings.clone(), request, self.0.scoring).await?;
        Ok(answer.into_tokens(encodings, self.0.encoder.tokenizer().clone()))
    }
}
