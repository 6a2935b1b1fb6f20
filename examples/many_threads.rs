//! A classifier is a handle: threads share one, and calls that wait at the same time share batches.

use std::thread;
use wgbert::Classifier;

fn main() -> Result<(), wgbert::Error> {
    let classifier = Classifier::sentiment()?;
    let alone = classifier.classify(["I would buy it again."])?;
    let answers = thread::scope(|scope| {
        let call = |_| {
            let classifier = classifier.clone();
            scope.spawn(move || classifier.classify(["I would buy it again."]))
        };
        let threads: Vec<_> = (0..16).map(call).collect();
        threads.into_iter().map(|thread| thread.join().expect("it does not panic")).collect::<Result<Vec<_>, _>>()
    })?;
    // Whichever texts shared a batch: the same bits.
    assert!(answers.iter().all(|answer| answer.logits == alone.logits));
    println!("{} threads, {:?}", answers.len(), alone.text(0).and_then(|answer| answer.label()));
    Ok(())
}
