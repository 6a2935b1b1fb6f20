//! What moved an answer.

use super::{bits, golden};
use wgbert::{Classifier, Options, Request, Text};

fn bert() -> Classifier {
    Options::default().load(golden("bert")).expect("golden")
}

/// Ablation as a check: packed batches give each text the bits that it has alone.
#[test]
fn what_is_left_out_answers_as_the_text_without_it() {
    let classifier = bert();
    let text = "The quick fox wasn't good.  It was 3.5 times bad! Café 東京";
    let explanation = classifier.explain(text, true).expect("it fits");
    let whole = classifier.classify([text]).expect("it fits");
    assert_eq!(bits(&explanation.logits), bits(whole.logits.row(0)));
    let words: Vec<&str> = explanation.words.iter().map(|word| word.text.as_str()).collect();
    assert_eq!(
        words,
        ["The", "quick", "fox", "wasn't", "good", "It", "was", "3.5", "times", "bad", "Café", "東", "京"]
    );
    for (word, rest) in [
        (0, "quick fox wasn't good.  It was 3.5 times bad! Café 東京"),
        (3, "The quick fox good.  It was 3.5 times bad! Café 東京"),
        (4, "The quick fox wasn't .  It was 3.5 times bad! Café 東京"),
        (11, "The quick fox wasn't good.  It was 3.5 times bad! Café 京"),
    ] {
        let part = &explanation.words[word];
        let without = classifier.classify([rest]).expect("it fits");
        assert_eq!(bits(&part.without.logits), bits(without.logits.row(0)), "{rest:?}");
        assert_eq!(bits(&part.without.scores), bits(without.text(0).expect("one").scores()));
        let effect = explanation.scores[1] - part.without.scores[1];
        assert_eq!(part.without.effects[1].to_bits(), effect.to_bits());
        let letters: String = text.chars().skip(part.place.start).take(part.place.len()).collect();
        assert_eq!(letters, part.text);
    }
    let sentences: Vec<&str> = explanation.sentences.iter().map(|sentence| sentence.text.as_str()).collect();
    assert_eq!(sentences, ["The quick fox wasn't good.", "It was 3.5 times bad!", "Café 東京"]);
    let without = classifier.classify(["The quick fox wasn't good.  Café 東京"]).expect("it fits");
    assert_eq!(bits(&explanation.sentences[1].without.logits), bits(without.logits.row(0)));

    let encoding = classifier.encode(0, text).expect("it fits");
    let mut compared = 0;
    for (place, token) in explanation.tokens.iter().enumerate() {
        let Some(without) = &token.without else {
            assert!(["[CLS]", "[SEP]"].contains(&token.token.as_str()), "{}", token.token);
            continue;
        };
        let mut rest = encoding.clone();
        rest.ids.remove(place);
        rest.type_ids.remove(place);
        let answer = classifier.run(&[rest], &Request::default()).expect("it fits");
        assert_eq!(bits(&without.logits), bits(answer.logits.row(0)), "{}", token.token);
        compared += 1;
    }
    let parts = compared + explanation.words.len() + explanation.sentences.len();
    assert_eq!((explanation.tokens.len(), explanation.passes), (encoding.ids.len(), parts + 2));
    let attentions = explanation.attentions.expect("they were asked for");
    assert_eq!(attentions.shape[2..], [encoding.ids.len(); 2]);
}

#[test]
fn both_texts_of_a_pair_are_explained() {
    let classifier = bert();
    let explanation = classifier.explain(("was it good?", "it was bad."), false).expect("it fits");
    let of: Vec<usize> = explanation.words.iter().map(|word| word.index).collect();
    assert_eq!((of, explanation.texts.len()), (vec![0, 0, 0, 1, 1, 1], 2));
    for (word, rest) in [(1, Text::Pair("was good?", "it was bad.")), (5, Text::Pair("was it good?", "it was ."))] {
        let without = classifier.classify([rest]).expect("it fits");
        assert_eq!(bits(&explanation.words[word].without.logits), bits(without.logits.row(0)), "{rest:?}");
    }
    assert!(explanation.attentions.is_none());
    // Nothing is left to leave out.
    let nothing = classifier.explain("", false).expect("special tokens");
    assert_eq!((nothing.words.len(), nothing.sentences.len(), nothing.passes), (0, 0, 1));
    // It would be read 40,001 times.
    super::says(classifier.explain(&*"a ".repeat(40_000), false), &["40001 parts", "3051 MiB", "cut it first"]);
    let tokens = Options::default().load(golden("../tokens/bert")).expect("golden");
    super::says(tokens.explain("good", false), &["the tokens of texts"]);
}
