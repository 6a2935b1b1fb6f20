//! Cross-encoders and labels that were never trained: each case of pairs.json, which `tests/tools/pairs.py` made by running
//! sentence-transformers and transformers, gets the same scores in the same order.

#[path = "common/changes.rs"]
mod changes;

use changes::{changed, read, tests};
use serde_json::Value;
use std::io::Cursor;
use std::path::Path;
use wgbert::rows::write::Answer;
use wgbert::rows::{Format, RowOptions, Rows};
use wgbert::{Adapter, Classifier, Error, Options, PairScore, Scoring, Truncation, Windows, ZeroShot};

const TOLERANCE: f64 = 1e-5;

fn table() -> Value {
    read(&tests().join("pairs.json"))
}

fn strings(value: &Value) -> Vec<String> {
    serde_json::from_value(value.clone()).expect("a list of strings")
}

fn numbers(value: &Value) -> Vec<f64> {
    serde_json::from_value(value.clone()).expect("a list of numbers")
}

/// The reference answers most cases, which differ in what is read and not in what is computed.
fn load(case: &Value, options: Options) -> Classifier {
    let adapter = if case["changes"] == serde_json::json!({}) { Adapter::Best } else { Adapter::Reference };
    options.adapter(adapter).load(changed(case).path()).unwrap_or_else(|error| panic!("{case}: {error}"))
}

#[track_caller]
fn close(found: impl IntoIterator<Item = f32>, expected: &Value, case: &Value) {
    let found: Vec<f64> = found.into_iter().map(f64::from).collect();
    let expected = numbers(expected);
    assert_eq!(found.len(), expected.len(), "{case}");
    let near = found.iter().zip(&expected).all(|(found, expected)| (found - expected).abs() < TOLERANCE);
    assert!(near, "{case}: {found:?}, not {expected:?}");
}

#[test]
fn documents_are_ranked_as_by_sentence_transformers() {
    let table = table();
    let mut answered = 0;
    for case in table["rerank"].as_array().expect("cases") {
        let classifier = load(case, Options::default());
        for (name, query) in table["queries"].as_object().expect("queries") {
            let (query, documents) = (query[0].as_str().expect("a query"), strings(&query[1]));
            let expected = &case["answers"][name];
            let pairs = documents.iter().map(|document| (query, document.as_str()));
            let scores = classifier.score_pairs(pairs).unwrap_or_else(|error| panic!("{case}: {error}"));
            close(scores.iter().map(|pair| pair.score), &expected["scores"], case);
            close(scores.iter().map(|pair| pair.logit), &expected["logits"], case);
            let ranked = classifier.rerank(query, &documents).expect("its pairs were scored");
            let order: Vec<f64> = ranked.iter().map(|ranked| ranked.corpus_id as f64).collect();
            assert_eq!(order, numbers(&expected["ranks"]), "{case} {name}");
            assert!(ranked.iter().all(|ranked| ranked.pair == scores[ranked.corpus_id]));
            answered += documents.len();
        }
    }
    assert!(answered > 150, "{answered} answered");
}

#[test]
fn unknown_labels_are_answered_as_by_the_pipeline() {
    let table = table();
    let texts = strings(&table["texts"]);
    let mut answered = 0;
    for case in table["zero_shot"].as_array().expect("cases") {
        let classifier = load(case, Options::default());
        let asked = ZeroShot::new(strings(&case["labels"]))
            .hypothesis_template(case["template"].as_str().expect("a template"))
            .multi_label(case["multi_label"] == true);
        let answers = classifier.zero_shot(&texts, &asked).unwrap_or_else(|error| panic!("{case}: {error}"));
        for (answer, expected) in answers.iter().zip(case["answers"].as_array().expect("answers")) {
            let top = answer.top(usize::MAX);
            assert_eq!(top.iter().map(|(label, _)| *label).collect::<Vec<_>>(), strings(&expected["labels"]), "{case}");
            close(top.iter().map(|(_, score)| *score), &expected["scores"], case);
            let written = serde_json::to_value(answer).expect("it is an object");
            assert_eq!((&written["labels"], answer.label()), (&expected["labels"], expected["labels"][0].as_str()));
            answered += 1;
        }
    }
    assert!(answered > 80, "{answered} answered");
}

fn golden(name: &str) -> Classifier {
    Options::default().load(tests().join("golden").join(name)).expect("a golden checkpoint")
}

/// Enough documents for batches of several, of lengths that do not divide them.
fn documents(count: usize) -> Vec<String> {
    const WORDS: [&str; 5] = ["good", "was it bad", "the quick brown fox", "Café", "dog"];
    (0..count).map(|place| (0..place % 7).map(|word| WORDS[(place + word) % 5]).collect::<Vec<_>>().join(" ")).collect()
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// Whatever they are answered with: in one call, one by one, from an iterator.
#[test]
fn pairs_have_the_bits_that_each_has_alone() {
    let (classifier, documents) = (golden("bert-regression"), documents(150));
    let query = "was it good?";
    let pairs = documents.iter().map(|document| (query, document.as_str()));
    let together = classifier.score_pairs(pairs.clone()).expect("they fit");
    let alone =
        Options::default().scoring(Scoring::Sigmoid).load(tests().join("golden/bert-regression")).expect("golden");
    for (score, pair) in together.iter().zip(pairs) {
        let output = alone.classify([pair]).expect("it fits");
        assert_eq!(bits(output.logits.row(0)), [score.logit.to_bits()]);
        assert_eq!(bits(output.text(0).expect("one").scores()), [score.score.to_bits()]);
    }
    let one_by_one: Vec<PairScore> = classifier
        .score_iter(query, documents.clone())
        .expect("of one label")
        .collect::<Result<_, _>>()
        .expect("they fit");
    assert_eq!(one_by_one, together);

    let (nli, asked) = (golden("bert"), ZeroShot::new(["good", "bad", "a dog"]));
    let answers = nli.zero_shot(&documents, &asked).expect("they fit");
    for (answer, text) in answers.iter().zip(&documents).step_by(10) {
        for (place, label) in asked.labels.iter().enumerate() {
            let hypothesis = format!("This example is {label}.");
            let output = nli.classify([(text.as_str(), hypothesis.as_str())]).expect("it fits");
            assert_eq!(bits(output.logits.row(0)), bits(answer.logits().row(place)), "{text:?} {label}");
        }
    }
    let one_by_one = nli.zero_shot_iter(documents, &asked).expect("labels");
    assert_eq!(one_by_one.collect::<Result<Vec<_>, _>>().expect("they fit"), answers);
}

#[test]
fn long_documents_are_read_in_windows() {
    let options = Options::default().max_length(11).windows(Windows::Max);
    let options = options.truncation(Truncation::Windows { stride: 2 }).scoring(Scoring::None);
    let classifier = options.load(tests().join("golden/bert-regression")).expect("golden");
    let document = "the quick brown fox jumps over the lazy dog, but nobody was impressed by it!";
    let [score] = classifier.score_pairs([("good", document)]).expect("it is split")[..] else { panic!("one") };
    let windows = classifier.encoder().encode_windows(0, ("good", document)).expect("it is split");
    assert!(windows.len() > 2 && !score.truncated && score.score == score.logit);
    let each = classifier.run(&windows, &Default::default()).expect("they fit").logits.values;
    assert_eq!(score.logit, each.into_iter().fold(f32::MIN, f32::max));
}

#[test]
fn what_cannot_be_asked_is_said() {
    let nli = golden("bert");
    let message = nli.rerank("good", ["bad"]).expect_err("three labels").to_string();
    for word in ["config.json", "3 labels", "one label", "Classifier::zero_shot"] {
        assert!(message.contains(word), "{word} is not in {message:?}");
    }
    assert!(matches!(nli.score_iter("good", ["bad"]), Err(Error::Unsupported { .. })));
    let template = ZeroShot::new(["good"]).hypothesis_template("This example is.");
    assert!(matches!(nli.zero_shot(["a"], &template), Err(Error::Request { .. })));
    let none = nli.zero_shot(["a"], &ZeroShot::new([""; 0])).expect_err("no label").to_string();
    assert!(none.contains("no candidate label"), "{none}");
    let tokens = Options::default().adapter(Adapter::Reference).load(tests().join("tokens/bert")).expect("golden");
    assert!(matches!(tokens.rerank("a", ["b"]), Err(Error::WrongTask { tokens: true })));
    assert!(matches!(tokens.zero_shot(["a"], &ZeroShot::new(["b"])), Err(Error::WrongTask { tokens: true })));
    let names = serde_json::json!({ "folder": "golden/bert", "changes": { "config.json": {
        "label2id": { "entailment": 0, "entailed": 1, "no": 2 } } } });
    let message =
        load(&names, Options::default()).zero_shot(["a"], &ZeroShot::new(["b"])).expect_err("two").to_string();
    assert!(message.contains("label2id") && message.contains("entailed"), "{message}");
}

/// The others are answered where each has its place.
#[test]
fn what_cannot_be_scored_is_an_error_in_its_place() {
    let refusing = |folder: &str| {
        Options::default()
            .adapter(Adapter::Reference)
            .max_length(12)
            .truncation(Truncation::Refuse)
            .load(Path::new(folder))
    };
    let long = "the quick brown fox jumps over the lazy dog".to_string();
    let documents = ["good".to_string(), long.clone(), "dog".to_string()];
    let golden = |name: &str| tests().join("golden").join(name).display().to_string();
    let classifier = refusing(&golden("bert-regression")).expect("golden");
    let index = |error: Error| match error {
        Error::Text { index, message } if message.contains("the model takes 12") => index,
        error => panic!("{error}"),
    };
    assert_eq!(index(classifier.rerank("good", &documents).expect_err("too long")), 1);
    let scores: Vec<_> = classifier.score_iter("good", documents.clone()).expect("of one label").collect();
    assert_eq!(scores.len(), 3);
    assert!(scores[0].is_ok() && scores[2].is_ok());
    assert_eq!(index(scores[1].clone().expect_err("too long")), 1);
    let nli = refusing(&golden("bert")).expect("golden");
    let asked = ZeroShot::new(["good", "bad"]).hypothesis_template("so {}");
    assert_eq!(index(nli.zero_shot(&documents, &asked).expect_err("too long")), 1);
    let answers: Vec<_> = nli.zero_shot_iter(documents, &asked).expect("labels").collect();
    assert!(answers[0].is_ok() && answers[1].is_err() && answers[2].is_ok());
    // A hypothesis is never cut.
    let asked = ZeroShot::new([long]);
    let cut = Options::default().adapter(Adapter::Reference).max_length(12).load(golden("bert")).expect("golden");
    let message = cut.zero_shot(["a"], &asked).expect_err("no room").to_string();
    assert!(message.contains("which leaves none of the 12"), "{message}");
}

/// Where it stands in its input, a row has the answer that its texts have alone; one that lacks a text, or has one too many, says so.
#[test]
fn rows_have_the_answers_of_their_texts() {
    let rows = |table: &str| {
        Rows::of_stream("rows", Cursor::new(table.to_string()), RowOptions::default().format(Format::Jsonl))
    };
    let pairs = "{\"text\": \"was it good?\", \"text_pair\": \"it was bad\"}\n{\"text\": \"a\"}\n{\"text\": null}\n\
                 {\"text\": \"the fox\", \"text_pair\": \"a dog\"}\n";
    let classifier = golden("bert-regression");
    let answered: Vec<_> =
        classifier.score_rows(rows(pairs)).expect("of one label").map(|row| row.expect("read")).collect();
    let alone = classifier.score_pairs([("was it good?", "it was bad"), ("the fox", "a dog")]).expect("they fit");
    assert_eq!(answered.iter().map(|answered| answered.row.index).collect::<Vec<_>>(), [0, 1, 2, 3]);
    assert_eq!([&answered[0].answer, &answered[3].answer], [&Ok(alone[0]), &Ok(alone[1])]);
    assert!(answered[1].answer.as_ref().is_err_and(|message| message.contains("no document")));
    assert!(matches!(answered[2].as_answer(), Answer::Failed(message) if message.contains("null")));

    let nli = golden("bert");
    assert!(matches!(nli.score_rows(rows(pairs)), Err(Error::Unsupported { .. })));
    let (asked, texts) = (ZeroShot::new(["good", "bad"]), documents(1500));
    let table: String = texts.iter().map(|text| serde_json::json!({ "text": text }).to_string() + "\n").collect();
    let answered: Vec<_> =
        nli.zero_shot_rows(rows(&table), &asked).expect("labels").map(|row| row.expect("read")).collect();
    let alone = nli.zero_shot(&texts[700..720], &asked).expect("they fit");
    assert_eq!(answered.len(), texts.len());
    for (answered, alone) in answered[700..720].iter().zip(&alone) {
        assert_eq!(answered.answer.as_ref(), Ok(alone));
        assert!(matches!(answered.as_answer(), Answer::ZeroShot(answer) if answer == alone));
    }
    let pair = nli.zero_shot_rows(rows(pairs), &asked).expect("labels").next().expect("a row").expect("read");
    assert!(pair.answer.is_err_and(|message| message.contains("second text")));
}
