//! Texts and pairs of texts with the label that they should get, and the loss that follows.

use wgbert::{Classifier, Label, Request, Text};

fn main() -> Result<(), wgbert::Error> {
    let classifier = Classifier::sentiment()?; // or Classifier::load("path/to/checkpoint")?
    let texts = [
        (Text::from("It was an okay experience."), Some(Label::Class(1))),
        (Text::from(("Would you go again?", "Never, it was terrible.")), Some(Label::Class(0))),
        (Text::from("I am very satisfied with this service."), None),
    ];
    let mut request = Request::default();
    let mut encodings = Vec::new();
    for (index, (text, label)) in texts.into_iter().enumerate() {
        encodings.push(classifier.encode(index, text)?);
        request.labels.push(label);
    }
    let output = classifier.run(&encodings, &request)?;
    for answer in output.texts() {
        println!("{:?} loss {:?}", answer.label(), answer.loss());
    }
    println!("mean loss {:?}", output.loss);
    assert_eq!(output.losses.iter().filter(|loss| loss.is_some()).count(), 2);
    Ok(())
}
