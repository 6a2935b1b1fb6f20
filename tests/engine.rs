//! Many callers of one classifier, and several devices of one: the answers are those of a text alone.

mod common;

use common::edited::Edited;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::thread;
use wgbert::{Adapter, Classifier, Error, Options};

fn bert(options: Options) -> Classifier {
    Edited::of("bert").load(options).unwrap()
}

fn texts() -> Vec<String> {
    let words = ["good", "not", "bad", "the", "film", "was", "quick", "brown"];
    (0..64)
        .map(|text| (0..1 + text % 13).map(|word| words[(text * 7 + word * 3) % 8]).collect::<Vec<_>>().join(" "))
        .collect()
}

fn bits(numbers: &[f32]) -> Vec<u32> {
    numbers.iter().map(|number| number.to_bits()).collect()
}

/// The logits of each text, alone.
fn alone(classifier: &Classifier, texts: &[String]) -> Vec<Vec<u32>> {
    texts.iter().map(|text| bits(&classifier.classify([text]).unwrap().logits.values)).collect()
}

fn is_send_sync_clone<T: Send + Sync + Clone>(_: &T) {}

#[test]
fn threads_share_a_classifier_and_get_their_own_answers() {
    let classifier = bert(Options::default());
    is_send_sync_clone(&classifier);
    let texts = texts();
    let expected = alone(&classifier, &texts);
    let answers: Vec<_> = thread::scope(|scope| {
        let call = |text| {
            let classifier = classifier.clone();
            scope.spawn(move || (0..3).map(|_| classifier.classify([text]).unwrap().logits.values).collect::<Vec<_>>())
        };
        let calls: Vec<_> = texts.iter().map(call).collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    });
    for (answers, expected) in answers.iter().zip(&expected) {
        assert!(answers.iter().all(|answer| bits(answer) == *expected));
    }
}

#[test]
fn calls_with_other_outputs_wait_in_the_same_queue() {
    let classifier = bert(Options::default());
    let texts = texts();
    let expected = alone(&classifier, &texts[..8]);
    let request = wgbert::Request::default().hidden_states(true);
    thread::scope(|scope| {
        for (text, expected) in texts.iter().zip(&expected) {
            let (classifier, request) = (&classifier, &request);
            scope.spawn(move || {
                let encodings = [classifier.encode(0, text).unwrap()];
                let with = classifier.run(&encodings, request).unwrap();
                assert_eq!(bits(&with.logits.values), *expected);
                assert_eq!(with.hidden_states.unwrap().len(), 1);
                assert_eq!(bits(&classifier.classify([text]).unwrap().logits.values), *expected);
            });
        }
    });
}

#[test]
fn a_call_that_is_dropped_loses_nothing_for_others() {
    let classifier = bert(Options::default().batch_texts(4));
    let texts = texts();
    let expected = alone(&classifier, &texts);
    let mut context = Context::from_waker(Waker::noop());
    for polls in 0..4 {
        // It submits and reads on behalf of the other, which has not been polled since it began to wait.
        let mut kept = pin!(classifier.classify_async(&texts));
        assert!(kept.as_mut().poll(&mut context).is_pending());
        {
            let mut dropped = pin!(classifier.classify_async(&texts));
            for _ in 0..polls {
                if dropped.as_mut().poll(&mut context).is_ready() {
                    break;
                }
            }
        }
        let output = pollster::block_on(kept).unwrap();
        for (text, expected) in expected.iter().enumerate() {
            assert_eq!(bits(output.logits.row(text)), *expected, "after {polls} polls");
        }
    }
}

#[test]
fn devices_share_a_call_and_answers_keep_their_order() {
    let one = bert(Options::default());
    let twice = Options::default().adapter("0,0".parse().unwrap()).batch_texts(4);
    assert_eq!(twice.adapter, Adapter::Several(vec![Adapter::Index(0), Adapter::Index(0)]));
    let two = bert(twice);
    assert_eq!(two.gpus().count(), 2);
    let texts = texts();
    let expected = alone(&one, &texts);
    let output = two.classify(&texts).unwrap();
    for (text, expected) in expected.iter().enumerate() {
        assert_eq!(bits(output.logits.row(text)), *expected);
    }
}

#[test]
fn batches_of_a_lost_device_go_to_the_other() {
    let two = bert(Options::default().adapter("0,0".parse().unwrap()).batch_texts(2));
    let texts = texts();
    let expected = alone(&two, &texts);
    let mut call = pin!(two.classify_async(&texts));
    // Both have batches when the first is lost.
    assert!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    two.gpus().next().unwrap().destroy();
    let output = pollster::block_on(call).unwrap();
    for (text, expected) in expected.iter().enumerate() {
        assert_eq!(bits(output.logits.row(text)), *expected);
    }
    // The other goes on, until it is lost too.
    assert_eq!(bits(two.classify(&texts[..1]).unwrap().logits.row(0)), expected[0]);
    two.gpus().nth(1).unwrap().destroy();
    let error = two.classify(&texts).unwrap_err();
    assert!(matches!(error, Error::DeviceLost { .. }), "{error:?}");
}

#[test]
fn a_stream_answers_in_order_and_a_text_that_fails_in_its_place() {
    let truncation = wgbert::Truncation::Refuse;
    let classifier = bert(Options::default().truncation(truncation));
    let texts = texts();
    let expected = alone(&classifier, &texts);
    let long = "good ".repeat(1000);
    let count = 2500;
    let input = (0..count).map(|text| if text == 1234 { long.clone() } else { texts[text % 64].clone() });
    let mut seen = 0;
    for (text, answer) in classifier.classify_iter(input).enumerate() {
        seen += 1;
        match answer {
            Ok(answer) => assert_eq!(bits(answer.get().logits()), expected[text % 64], "text {text}"),
            Err(Error::Text { index, .. }) => assert!(index == 1234 && text == 1234, "text {text}: {index}"),
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(seen, count);
}

#[test]
fn no_text_is_no_answer_at_once() {
    let classifier = bert(Options::default());
    let mut call = pin!(classifier.classify_async(Vec::<&str>::new()));
    assert!(
        matches!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(Ok(output)) if output.is_empty())
    );
}
