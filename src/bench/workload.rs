//! The texts that models are timed on.

use crate::ir::Random;
use crate::text::Encoding;
use std::fmt;
use std::str::FromStr;

/// Where the lengths of ragged workloads start: with this one, `ragged32` is 2305 tokens.
const RAGGED_SEED: u64 = 410;

/// So many texts of so many tokens; every token is some row of the model's table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    pub name: String,
    /// Tokens of each text, special tokens included.
    pub lengths: Vec<usize>,
}

impl Workload {
    /// What is timed where nothing is asked for.
    pub const DEFAULT: [&str; 3] = ["1x128", "8x128", "ragged32"];

    pub fn tokens(&self) -> usize {
        self.lengths.iter().sum()
    }

    /// Ids below `vocabulary`, other than the lowest, which are special in most vocabularies.
    pub fn encodings(&self, vocabulary: usize) -> Vec<Encoding> {
        let lowest = 1000.min(vocabulary as u64 / 2);
        let mut random = Random(1);
        let mut id = |_| (lowest + random.next() % (vocabulary as u64 - lowest).max(1)) as u32;
        let encoding = |&length: &usize| Encoding::new((0..length).map(&mut id).collect(), vec![0; length]);
        self.lengths.iter().map(encoding).collect()
    }
}

impl FromStr for Workload {
    type Err = String;

    /// `8x128`: 8 texts of 128 tokens; `ragged32`: 32 texts of 8 to 128 tokens, pseudo-random but always the same.
    fn from_str(name: &str) -> Result<Workload, String> {
        let wrong = || {
            let known = [Workload::DEFAULT.as_slice(), &["64x128"]].concat().join(", ");
            format!(
                "no workload is called {name:?}; there are TEXTSxTOKENS and raggedTEXTS (texts of 8 to 128 tokens), for \
                 example {known}"
            )
        };
        let count = |text: &str| text.parse().ok().filter(|count| (1..=1 << 20).contains(count)).ok_or_else(wrong);
        let lengths = match (name.strip_prefix("ragged"), name.split_once('x')) {
            (Some(texts), _) => {
                let mut random = Random(RAGGED_SEED);
                (0..count(texts)?).map(|_| 8 + (random.next() % 121) as usize).collect()
            }
            (None, Some((texts, tokens))) => vec![count(tokens)?; count(texts)?],
            (None, None) => return Err(wrong()),
        };
        Ok(Workload { name: name.into(), lengths })
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_how_many_texts_of_how_many_tokens() {
        let ragged: Workload = "ragged32".parse().unwrap();
        assert_eq!((ragged.lengths.len(), ragged.tokens()), (32, 2305));
        assert_eq!(ragged.lengths[..4], [17, 68, 58, 111]);
        assert!(ragged.lengths.iter().all(|length| (8..=128).contains(length)));
        let even: Workload = "3x5".parse().unwrap();
        assert_eq!(even.lengths, [5, 5, 5]);
        for wrong in ["", "x", "8x", "x8", "0x8", "8x0", "ragged", "ragged0", "-1x8", "8x8x8", "many", "9999999999x1"] {
            assert!(wrong.parse::<Workload>().is_err_and(|error| error.contains("ragged32")), "{wrong:?}");
        }
    }

    #[test]
    fn ids_are_rows_of_the_table() {
        let workload: Workload = "ragged9".parse().unwrap();
        for vocabulary in [1, 2, 30522] {
            let encodings = workload.encodings(vocabulary);
            assert_eq!(encodings.iter().map(|encoding| encoding.ids.len()).sum::<usize>(), workload.tokens());
            assert!(encodings.iter().flat_map(|encoding| &encoding.ids).all(|id| (*id as usize) < vocabulary));
        }
    }
}
