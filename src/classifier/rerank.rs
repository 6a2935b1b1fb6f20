//! The calls of cross-encoders: models of one label, which is how well the second text of a pair belongs to the first.

use super::{Classifier, Request, Task};
use crate::checkpoint::Scoring;
use crate::error::{Error, Result};
use crate::output::{PairScore, Ranked};
#[cfg(not(target_arch = "wasm32"))]
use crate::stream::PairScoreIter;
use crate::stream::{Answering, PairScoreStream};
use crate::text::{Encoding, Sequence, TextEncoder, on_threads};
use futures_core::Stream;

impl Classifier {
    /// Ranks documents by how well they answer a query, the best first: sentence-transformers' `CrossEncoder.rank`, with its
    /// scores: those of the activation that the checkpoint names, else a sigmoid's, or what
    /// [`Options::scoring`](crate::Options::scoring) says.
    ///
    /// The tokens of the query are made once, and its pairs answered in full batches.
    ///
    /// ```no_run
    /// let model = wgbert::Classifier::load("path/to/a/cross-encoder")?;
    /// let documents = ["Berlin has 3.7 million inhabitants.", "Berlin is known for its museums."];
    /// for ranked in model.rerank("How many people live in Berlin?", documents)? {
    ///     println!("{:.3} {}", ranked.pair.score, documents[ranked.corpus_id]);
    /// }
    /// # Ok::<(), wgbert::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Unsupported`] if the model has more than one label, [`Error::WrongTask`] if it classifies tokens,
    /// [`Error::Text`] with the position of the first document that cannot be scored, and the device's errors.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn rerank<D: AsRef<str>>(&self, query: &str, documents: impl IntoIterator<Item = D>) -> Result<Vec<Ranked>> {
        self.0.engine.block_on(self.rerank_async(query, documents))
    }

    /// [`Classifier::rerank`] without blocking while the device computes, as [`Classifier::classify_async`].
    ///
    /// # Errors
    /// Those of [`Classifier::rerank`].
    pub async fn rerank_async<D: AsRef<str>>(
        &self,
        query: &str,
        documents: impl IntoIterator<Item = D>,
    ) -> Result<Vec<Ranked>> {
        let scoring = self.pair_scoring()?;
        let query = self.0.encoder.first_of_pairs(0, query)?;
        let documents: Vec<D> = documents.into_iter().collect();
        let documents: Vec<&str> = documents.iter().map(AsRef::as_ref).collect();
        let pairs = against(&self.0.encoder, &query, &documents).into_iter().collect::<Result<Vec<_>>>()?;
        let scores = self.score_encoded(&pairs, scoring).await?.into_iter().enumerate();
        Ok(Ranked::sort(scores.map(|(corpus_id, pair)| Ranked { corpus_id, pair })))
    }

    /// The scores of pairs of texts, in their order: sentence-transformers' `CrossEncoder.predict`. The tokens of a first text
    /// that follows itself are made once.
    ///
    /// # Errors
    /// Those of [`Classifier::rerank`], with the position of the pair.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn score_pairs<'a>(&self, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Vec<PairScore>> {
        self.0.engine.block_on(self.score_pairs_async(pairs))
    }

    /// [`Classifier::score_pairs`] without blocking while the device computes, as [`Classifier::classify_async`].
    ///
    /// # Errors
    /// Those of [`Classifier::score_pairs`].
    pub async fn score_pairs_async<'a>(
        &self,
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Vec<PairScore>> {
        let scoring = self.pair_scoring()?;
        let pairs: Vec<(&str, &str)> = pairs.into_iter().collect();
        let pairs = encode_pairs(&self.0.encoder, &pairs).into_iter().collect::<Result<Vec<_>>>()?;
        self.score_encoded(&pairs, scoring).await
    }

    /// The scores of an iterator's documents, in their order, however many there are, as [`Classifier::classify_iter`] answers
    /// texts. A document that cannot be scored is an error in its place.
    ///
    /// # Errors
    /// Those of [`Classifier::rerank`] for any document.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn score_iter<I: IntoIterator<Item: Into<String>>>(
        &self,
        query: &str,
        documents: I,
    ) -> Result<PairScoreIter<I::IntoIter>>
    where
        I::IntoIter: Unpin,
    {
        Ok(PairScoreIter::new(self.scoring_against(query)?, documents.into_iter()))
    }

    /// [`Classifier::score_iter`] of a stream, without blocking, as [`Classifier::classify_stream`].
    ///
    /// # Errors
    /// Those of [`Classifier::rerank`] for any document.
    pub fn score_stream<S: Stream<Item: Into<String>> + Unpin>(
        &self,
        query: &str,
        documents: S,
    ) -> Result<PairScoreStream<S>> {
        Ok(PairScoreStream::new(self.scoring_against(query)?, documents))
    }

    fn scoring_against(&self, query: &str) -> Result<Answering<String, PairScore>> {
        let scoring = self.pair_scoring()?;
        let (encoder, query) = (self.0.encoder.clone(), self.0.encoder.first_of_pairs(0, query)?);
        let encode = move |documents: &[String]| {
            let pairs = against(&encoder, &query, documents);
            pairs.into_iter().map(|pair| pair.map(|pair| vec![pair])).collect()
        };
        let answers = |output| PairScore::all(&output).collect();
        Ok(Answering::new(self.clone(), scoring, encode, answers))
    }

    /// How logits become the scores of pairs: as the options say, else as the checkpoint's cross-encoder does it.
    ///
    /// # Errors
    /// Those of a model that is no cross-encoder.
    pub(crate) fn pair_scoring(&self) -> Result<Scoring> {
        self.expect(Task::SequenceClassification)?;
        match self.labels().len() {
            1 => self.0.engine.options().scoring.map_or_else(|| self.config().cross_encoder_scoring(), Ok),
            labels => Err(self.config().unsupported(
                &format!("scoring pairs by a model of {labels} labels"),
                "models of one label (cross-encoders); `Classifier::classify` answers pairs with labels, and \
                 `Classifier::zero_shot` labels of your own by a model of natural language inference",
            )),
        }
    }

    async fn score_encoded(&self, pairs: &[Vec<Encoding>], scoring: Scoring) -> Result<Vec<PairScore>> {
        let output = self.run_scored(pairs, &Request::default(), scoring).await?;
        Ok(PairScore::all(&output).collect())
    }
}

/// The encodings of a query with each document, or why it has none.
pub(crate) fn against<D: AsRef<str> + Sync>(
    encoder: &TextEncoder,
    query: &Sequence,
    documents: &[D],
) -> Vec<Result<Vec<Encoding>>> {
    on_threads(documents, |index, document| {
        encoder.encode_pair(index, query, &encoder.second_of_pairs(index, document.as_ref())?)
    })
}

/// The encodings of each pair, or why it has none: those of a query stand together, and its tokens are made once.
pub(crate) fn encode_pairs<'a>(encoder: &TextEncoder, pairs: &[(&'a str, &'a str)]) -> Vec<Result<Vec<Encoding>>> {
    let mut firsts: Vec<&'a str> = Vec::new();
    let place = |&(first, second): &(&'a str, &'a str)| {
        if firsts.last() != Some(&first) {
            firsts.push(first);
        }
        (firsts.len() - 1, second)
    };
    let pairs: Vec<(usize, &str)> = pairs.iter().map(place).collect();
    let firsts = on_threads(&firsts, |index, first| encoder.first_of_pairs(index, first));
    on_threads(&pairs, |index, (first, second)| match &firsts[*first] {
        Ok(first) => encoder.encode_pair(index, first, &encoder.second_of_pairs(index, second)?),
        Err(Error::Text { message, .. }) => Err(Error::Text { index, message: message.clone() }),
        Err(error) => Err(error.clone()),
    })
}
