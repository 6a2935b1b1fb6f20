use super::*;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use tokenizers::{TruncationParams, TruncationStrategy};

const TEXTS: [&str; 5] = [
    "",
    "good",
    "Café 東京 zyzzyx 😀! naïve it wasn't\tgood? ",
    "the quick brown fox jumps over the lazy dog, but nobody was impressed by it!",
    "a[SEP]b <s> </s> <mask> ",
];

fn folders() -> Vec<PathBuf> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let inside =
        |name: &str| fs::read_dir(tests.join(name)).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut folders: Vec<PathBuf> = ["golden", "tokens", "reports"].into_iter().flat_map(inside).collect();
    folders.retain(|folder| folder.is_dir());
    folders.sort();
    folders
}

/// The library's own tokenizer, which cuts and joins both texts of a pair in one call; none where it cannot cut so.
fn whole(
    library: &Library,
    max_length: usize,
    pairs: PairTruncation,
    side: TruncationDirection,
) -> Option<tokenizers::Tokenizer> {
    let strategy = match pairs {
        PairTruncation::LongestFirst => TruncationStrategy::LongestFirst,
        PairTruncation::OnlyFirst => TruncationStrategy::OnlyFirst,
        PairTruncation::OnlySecond => TruncationStrategy::OnlySecond,
    };
    let mut whole = library.inner.clone();
    whole.with_post_processor(library.processor().cloned());
    whole.with_truncation(Some(TruncationParams { max_length, strategy, stride: 0, direction: side })).ok()?;
    Some(whole)
}

/// A pair's encoding is put together of the tokens that its texts have alone. The library, which sees both at once, makes the
/// same, for every tokenizer of the tests, every way to cut and every length.
#[test]
fn a_pair_of_sequences_is_the_pair_of_the_library() {
    let (mut compared, mut kinds) = (0, BTreeSet::new());
    for folder in folders() {
        let Ok(tokenizer) = Tokenizer::from_folder(&folder) else { continue };
        kinds.insert((tokenizer.class, tokenizer.kind()));
        let sequences = TEXTS.map(|text| (text, tokenizer.sequence(text).expect("it has tokens")));
        let special = tokenizer.special[1];
        for max_length in [special, special + 1, special + 5, special + 12, 1000] {
            let limits = Limits { max_length, vocabulary: usize::MAX, types: 2 };
            for pairs in [PairTruncation::LongestFirst, PairTruncation::OnlyFirst, PairTruncation::OnlySecond] {
                let cut = tokenizer.cut(Truncation::Cut, pairs);
                let whole = match &tokenizer.inner {
                    Inner::Library(library) => whole(library, max_length, pairs, tokenizer.side),
                    Inner::Codes(_) => None,
                };
                for ((first, one), (second, other)) in
                    sequences.iter().flat_map(|first| sequences.iter().map(move |second| (first, second)))
                {
                    let name = format!("{} {first:?} {second:?} {max_length} {pairs:?}", folder.display());
                    let assembled = tokenizer.assemble(one, Some(other), &limits, cut).ok();
                    let apart = tokenizer.encode_windows(0, Text::Pair(first, second), &limits, Truncation::Cut, pairs);
                    assert_eq!(apart.ok(), assembled, "{name}");
                    if matches!(tokenizer.inner, Inner::Codes(_)) {
                        continue;
                    }
                    let expected =
                        whole.as_ref().and_then(|whole| guarded(|| whole.encode_fast((*first, *second), true)).ok());
                    let expected = expected.filter(|tokens| !tokens.is_empty()).map(|tokens| {
                        let types =
                            if tokenizer.types { tokens.get_type_ids().to_vec() } else { vec![0; tokens.len()] };
                        (tokens.get_ids().to_vec(), types)
                    });
                    let found = assembled.map(|encodings| {
                        let [encoding] = &encodings[..] else { panic!("{name}: {encodings:?}") };
                        (encoding.ids.clone(), encoding.type_ids.clone())
                    });
                    assert_eq!(found, expected, "{name}");
                    compared += 1;
                }
            }
        }
    }
    assert!(compared > 10_000 && kinds.len() > 8, "{compared} {kinds:?}");
}
