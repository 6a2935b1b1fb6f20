//! Documents that are ranked for each query.

use super::asked::{Prepared, message};
use super::entities::NAN;
use super::input::Places;
use super::{Failure, say};
use crate::rows::write::Document;
use crate::rows::{RowOptions, Rows};
use crate::text::{Sequence, TextEncoder, on_threads};
use crate::{PairScore, Ranked};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Rows that are read at a time.
const STEP: usize = 4096;

/// Documents, and their tokens, which are made once for all queries.
pub struct Documents {
    texts: Vec<String>,
    tokens: Vec<Result<Sequence, String>>,
    /// Most that are answered for a query.
    top: usize,
}

/// The documents of one query: those that are answered, by their ranks, and those that cannot be scored.
pub struct Ranking {
    documents: Arc<Documents>,
    ranked: Vec<Ranked>,
    refused: Vec<(usize, String)>,
}

impl Documents {
    pub fn new(texts: Vec<String>, encoder: &TextEncoder, top: usize) -> Documents {
        let tokens = on_threads(&texts, |index, text: &String| encoder.second_of_pairs(index, text).map_err(message));
        Documents { texts, tokens, top }
    }

    pub fn len(&self) -> usize {
        self.texts.len()
    }

    /// A query with each document.
    pub fn prepare(&self, encoder: &TextEncoder, query: &str) -> Result<Prepared, String> {
        let query = encoder.first_of_pairs(0, query).map_err(message)?;
        let pairs = on_threads(&self.tokens, |index, document: &Result<Sequence, String>| {
            encoder.encode_pair(index, &query, document.as_ref().map_err(String::clone)?).map_err(message)
        });
        let mut prepared = Prepared::default();
        for (corpus_id, pair) in pairs.into_iter().enumerate() {
            match pair {
                Ok(pair) => prepared.texts.push(pair),
                Err(message) => prepared.refused.push((corpus_id, message)),
            }
        }
        Ok(prepared)
    }

    /// The document that text `place` of those that [`Documents::prepare`] made is, where these were refused, in any order.
    pub fn corpus_id(refused: &[(usize, String)], place: usize) -> usize {
        let mut refused: Vec<usize> = refused.iter().map(|(corpus_id, _)| *corpus_id).collect();
        refused.sort_unstable();
        refused.into_iter().fold(place, |place, refused| place + usize::from(refused <= place))
    }

    /// Ranks the documents of a query by the scores of those that were not refused, in their order.
    pub fn rank(
        self: &Arc<Self>,
        scores: impl Iterator<Item = PairScore>,
        mut refused: Vec<(usize, String)>,
    ) -> Ranking {
        let mut is_refused = vec![false; self.len()];
        refused.iter().for_each(|(corpus_id, _)| is_refused[*corpus_id] = true);
        let scored = (0..self.len()).filter(|corpus_id| !is_refused[*corpus_id]).zip(scores);
        let (scored, nan): (Vec<_>, Vec<_>) = scored.partition(|(_, pair)| !pair.score.is_nan());
        refused.extend(nan.into_iter().map(|(corpus_id, _)| (corpus_id, NAN.into())));
        refused.sort_unstable();
        let mut ranked = Ranked::sort(scored.into_iter().map(|(corpus_id, pair)| Ranked { corpus_id, pair }));
        ranked.truncate(self.top);
        Ranking { documents: self.clone(), ranked, refused }
    }
}

impl Ranking {
    pub fn each(&self) -> impl Iterator<Item = Document<'_>> {
        let text = |corpus_id: usize| self.documents.texts[corpus_id].as_str();
        let ranked = self.ranked.iter().zip(1..).map(move |(ranked, rank)| {
            let Ranked { corpus_id, pair } = *ranked;
            Document { rank: Some(rank), corpus_id, text: text(corpus_id), score: Ok(pair) }
        });
        let refused = self.refused.iter().map(move |(corpus_id, message)| {
            let (corpus_id, score) = (*corpus_id, Err(message.as_str()));
            Document { rank: None, corpus_id, text: text(corpus_id), score }
        });
        ranked.chain(refused)
    }
}

/// The texts of files, or of standard input where one is `-`.
pub fn read(paths: &[PathBuf], options: RowOptions, quiet: bool) -> Result<Vec<String>, Failure> {
    let named = options.columns.text.is_some();
    let mut rows = match paths {
        [path] if path == Path::new("-") => Rows::of_stream("standard input", io::stdin(), options),
        _ => Rows::of_files(paths, options)?,
    };
    let (places, mut texts) = (Places::of(&rows), Vec::new());
    loop {
        let chunk = rows.chunk(STEP)?;
        if !quiet {
            rows.notes().iter().for_each(|note| say(format_args!("note: documents: {note}")));
        }
        if chunk.is_empty() {
            break;
        }
        for row in chunk {
            match row.content {
                // Which of the two is the document nobody said.
                Ok(content) if content.text_pair.is_some() && !named => {
                    return Err(Failure::Message(format!(
                        "{}: it has two texts, as a pair; name the column of the documents with --document-column",
                        places.name(row.place)
                    )));
                }
                Ok(content) => texts.push(content.text),
                Err(message) => {
                    let place = places.name(row.place);
                    return Err(Failure::Message(format!(
                        "{place}: {message}; every document is needed before the first query is answered: mend it, or leave \
                         documents that are null out with --null skip"
                    )));
                }
            }
        }
    }
    if texts.is_empty() {
        return Err(Failure::Message(format!("{}: there is no document", paths[0].display())));
    }
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_among_what_is_left_are_found_again() {
        let refused = |ids: &[usize]| ids.iter().map(|id| (*id, String::new())).collect::<Vec<_>>();
        let found = |ids: &[usize]| (0..3).map(|place| Documents::corpus_id(&refused(ids), place)).collect::<Vec<_>>();
        assert_eq!(found(&[]), [0, 1, 2]);
        assert_eq!(found(&[0]), [1, 2, 3]);
        assert_eq!(found(&[3, 1]), [0, 2, 4]);
        assert_eq!(found(&[2, 0, 1]), [3, 4, 5]);
    }
}
