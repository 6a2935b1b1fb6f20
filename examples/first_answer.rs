//! One text, the embedded model, the best adapter: `cargo run --release --example first_answer`.

fn main() -> Result<(), wgbert::Error> {
    let classifier = wgbert::Classifier::sentiment()?;
    let output = classifier.classify(["This movie was absolutely fantastic."])?;
    let answer = output.text(0).expect("one text, one answer");
    println!("{} {:?} on {}", answer.label().unwrap_or("?"), answer.scores(), classifier.adapter());
    assert_eq!(answer.label(), Some("positive"));
    Ok(())
}
