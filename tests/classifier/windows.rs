//! Texts that are longer than the model takes: each window by itself is what the joined answer is made of.
#![cfg(feature = "embedded")]

use super::{bits, golden, says};
use crate::common::edited::Edited;
use serde_json::json;
use wgbert::text::Encoding;
use wgbert::{
    Adapter, Classification, Classifier, Error, Label, Options, PairTruncation, Request, SequenceClassifierOutput,
    TextBuf, Truncation, Windows,
};

const SHORT: &str = "I liked it.";

fn long() -> String {
    "The film was not what I had hoped for. The plot was dull, but I loved the actors and the music. ".repeat(6)
}

fn opened(adapter: Adapter, how: Windows) -> Classifier {
    let split = Truncation::Windows { stride: 4 };
    Options::default().adapter(adapter).max_length(32).truncation(split).windows(how).sentiment().unwrap()
}

/// Everything that is answered of a text, to the bit.
fn all(answer: Classification<'_>) -> impl PartialEq + std::fmt::Debug {
    let scores = [answer.logits(), answer.probabilities().unwrap()].map(bits);
    (scores, answer.argmax(), answer.loss().map(f32::to_bits), answer.tokens(), answer.windows(), answer.truncated())
}

fn softmax(logits: &[f32]) -> Vec<f32> {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f32 = logits.iter().map(|x| (x - most).exp()).sum();
    logits.iter().map(|x| (x - most).exp() / sum).collect()
}

#[test]
fn windows_are_answered_apart_and_joined() {
    let long = long();
    for adapter in [Adapter::Best, Adapter::Reference] {
        let classifier = opened(adapter.clone(), Windows::Mean);
        assert_eq!(classifier.max_length(), 32);
        let windows = classifier.encoder().encode_windows(0, &long).unwrap();
        assert!(windows.len() > 3 && windows.iter().all(|window| window.ids.len() <= 32));
        let apart = classifier.run(&windows, &Request::default()).unwrap();
        assert_eq!(apart.windows, vec![1; windows.len()]);
        let column = |label: usize| apart.texts().map(move |window| window.logits()[label]);
        let mean = |label| (column(label).map(f64::from).sum::<f64>() / windows.len() as f64) as f32;
        let max = |label| column(label).fold(f32::NEG_INFINITY, f32::max);
        let expected = [
            (Windows::Mean, (0..3).map(mean).collect::<Vec<_>>()),
            (Windows::Max, (0..3).map(max).collect()),
            (Windows::First, apart.logits.row(0).to_vec()),
        ];
        for (how, logits) in expected {
            let classifier = opened(adapter.clone(), how);
            let output = classifier.classify([SHORT, &long]).unwrap();
            let [short, answer] = [0, 1].map(|text| output.text(text).unwrap());
            assert_eq!(bits(answer.logits()), bits(&logits), "{adapter:?} {how:?}");
            // The device's softmax may round otherwise.
            let off = super::difference(answer.probabilities().unwrap(), softmax(&logits).into_iter().map(f64::from));
            assert!(off < 1e-6, "{adapter:?} {how:?}: {off:e}");
            assert!(answer.logits().iter().all(|logit| *logit <= answer.logits()[answer.argmax().unwrap()]));
            let answers_for_it = if how == Windows::First { &windows[..1] } else { &windows[..] };
            assert_eq!(answer.tokens(), answers_for_it.iter().map(|window| window.ids.len()).sum::<usize>());
            assert_eq!((answer.windows(), answer.untruncated()), (windows.len(), windows[0].untruncated));
            assert_eq!(answer.truncated(), how == Windows::First);
            // A text that fits is answered as if there were no windows.
            let plain = Options::default().adapter(adapter.clone()).sentiment().unwrap().classify([SHORT]).unwrap();
            assert_eq!(all(short), all(plain.text(0).unwrap()), "{adapter:?} {how:?}");
        }
    }
}

#[test]
fn a_joined_answer_is_the_texts_own_and_every_call_gives_it() {
    let long = long();
    let classifier = opened(Adapter::Best, Windows::Mean);
    let alone = classifier.classify([&long]).unwrap();
    let texts: Vec<&str> = [SHORT, &long, "", &long[..200], &long, SHORT].into();
    let output = classifier.classify(texts.iter().copied()).unwrap();
    for place in [1, 4] {
        assert_eq!(all(output.text(place).unwrap()), all(alone.text(0).unwrap()));
    }
    assert_eq!(output.windows[0..3], [1, alone.windows[0], 1]);
    let streamed: Vec<_> = classifier.classify_iter(texts.iter().copied()).collect();
    assert_eq!(streamed.len(), texts.len());
    for (streamed, answer) in streamed.iter().zip(output.texts()) {
        assert_eq!(all(streamed.as_ref().unwrap().get()), all(answer));
    }
    // What was prepared on another thread.
    let texts: Vec<wgbert::Text<'_>> = texts.into_iter().map(Into::into).collect();
    let windows: Vec<Vec<Encoding>> =
        classifier.encoder().encode_windows_all(&texts).into_iter().map(Result::unwrap).collect();
    let run = classifier.run_windows(&windows, &Request::default()).unwrap();
    assert!(run.texts().zip(output.texts()).all(|(run, answer)| all(run) == all(answer)));
}

#[test]
fn a_pair_repeats_the_text_that_is_not_split() {
    let long = long();
    let classifier = opened(Adapter::Reference, Windows::Max);
    let output = classifier.classify([("Was it good?", long.as_str())]).unwrap();
    let windows = classifier.encoder().encode_windows(0, ("Was it good?", long.as_str())).unwrap();
    assert_eq!(output.windows, [windows.len()]);
    assert!(windows.iter().all(|window| window.ids[..6] == windows[0].ids[..6]));
    // One that leaves too little is an error in its place, and the others are answered.
    let pairs = [(SHORT, long.as_str()), (long.as_str(), SHORT), (SHORT, SHORT)];
    let streamed: Vec<_> = classifier.classify_iter(pairs.map(TextBuf::from)).collect();
    assert!(streamed[0].is_ok() && streamed[2].is_ok());
    let error =
        says(streamed.into_iter().nth(1).unwrap(), &["text 1", "its first text has", "32 that the model takes"]);
    assert!(matches!(error, Error::Text { index: 1, .. }));
    let options = Options::default().adapter(Adapter::Reference).max_length(32);
    let first = options.pair_truncation(PairTruncation::OnlyFirst).sentiment().unwrap();
    let cut = first.classify([(long.as_str(), SHORT)]).unwrap();
    assert_eq!((cut.tokens[0], cut.truncated[0]), (32, true));
}

#[test]
fn the_loss_is_of_the_joined_logits() {
    let long = long();
    let classifier = opened(Adapter::Best, Windows::Mean);
    let encode = |index, text: &str| classifier.encoder().encode_windows(index, text).unwrap();
    let texts = [encode(0, SHORT), encode(1, &long), encode(2, SHORT)];
    let labels = vec![Some(Label::Class(2)), Some(Label::Class(0)), None];
    let output = classifier.run_windows(&texts, &Request::default().labels(labels)).unwrap();
    for (place, class) in [(0, 2), (1, 0)] {
        let answer = output.text(place).unwrap();
        let loss = -answer.probabilities().unwrap()[class].ln();
        assert!((answer.loss().unwrap() - loss).abs() < 1e-5, "{place}: {:?} {loss}", answer.loss());
    }
    assert_eq!(output.losses[2], None);
    let mean = (output.losses[0].unwrap() + output.losses[1].unwrap()) / 2.0;
    assert!((output.loss.unwrap() - mean).abs() < 1e-6);
    // Labels are checked before anything is split, and named by their texts.
    let wrong = Request::default().labels(vec![None, None, Some(Label::Class(3))]);
    says(classifier.run_windows(&texts, &wrong), &["text 2", "label 3"]);
    let few = Request::default().labels(vec![None]);
    says(classifier.run_windows(&texts, &few), &["1 labels for 3 texts"]);
}

#[test]
fn what_windows_cannot_have_is_refused_by_the_text() {
    let long = long();
    let everything = Request::default().hidden_states(true).attentions(true);
    let run = |how| -> wgbert::Result<SequenceClassifierOutput> {
        let classifier = opened(Adapter::Reference, how);
        let windows = [SHORT, &long].map(|text| classifier.encoder().encode_windows(0, text).unwrap());
        classifier.run_windows(&windows, &everything)
    };
    says(run(Windows::Max), &["text 1", "windows", "hidden states, attentions and a pooled output of its own"]);
    // The first window's are those of its answer.
    let first = run(Windows::First).unwrap();
    assert_eq!(first.hidden_states.unwrap()[1].shape, [4, 32, 128]);
    assert_eq!((first.truncated, first.tokens[1]), (vec![false, true], 32));

    let classifier = opened(Adapter::Reference, Windows::Mean);
    let good = classifier.encode(0, SHORT).unwrap();
    says(classifier.run_windows(&[vec![good.clone()], vec![]], &Request::default()), &["text 1", "no encoding"]);
    let bad = Encoding::new(vec![1 << 20], vec![0]);
    let texts = [vec![good.clone(), good.clone()], vec![good.clone(), bad]];
    says(classifier.run_windows(&texts, &Request::default()), &["text 1", "id 1048576"]);
    says(classifier.encode(5, &long), &["text 5", "windows", "`encode_windows`"]);
    assert!(classifier.run_windows(&[], &Request::default()).unwrap().is_empty());
}

#[test]
fn lengths_that_nothing_fits_into_are_refused_when_a_model_is_opened() {
    let open = |options: Options| options.adapter(Adapter::Reference).load(golden("bert"));
    for (length, fits) in [(0, false), (2, false), (3, true), (64, true), (65, false)] {
        let opened = open(Options::default().max_length(length));
        if fits {
            assert_eq!(opened.unwrap().max_length(), length);
        } else {
            says(
                opened,
                &["config.json", &format!("maximum length of {length} tokens"), "3 (one beside the 2", "to 64"],
            );
        }
    }
    let split = |stride| Options::default().max_length(10).truncation(Truncation::Windows { stride });
    open(split(7)).unwrap();
    says(open(split(8)), &["config.json", "stride of 8", "below the 8 tokens", "window of 10"]);
    says(open(split(usize::MAX)), &["stride of 18446744073709551615"]);
    // The model's positions count, not what its tokenizer says: transformers' `max_length` wins over `model_max_length`.
    let long = "good ".repeat(70);
    let cut = open(Options::default().max_length(5)).unwrap().classify([&long]).unwrap();
    assert_eq!((cut.tokens[0], cut.untruncated[0], cut.truncated[0]), (5, 72, true));
    let left = open(Options::default().max_length(5).truncation(Truncation::CutLeft)).unwrap();
    assert_eq!(left.classify([&long]).unwrap().tokens, [5]);

    let mut tokens = Edited::new();
    tokens.config["architectures"] = json!(["BertForTokenClassification"]);
    let options = Options::default().adapter(Adapter::Reference).random_head(1);
    let of_tokens = options.truncation(Truncation::Windows { stride: 0 });
    says(tokens.load(of_tokens), &["windows to classify tokens is not supported"]);
}
