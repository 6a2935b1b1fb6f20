//! Hidden states and attention weights of each layer, as transformers returns them.

use wgbert::{Classifier, Request};

fn main() -> Result<(), wgbert::Error> {
    let classifier = Classifier::sentiment()?;
    let encodings = [classifier.encode(0, "The plot was thin, but I liked the actors.")?];
    let request = Request::default().hidden_states(true).attentions(true);
    let output = classifier.run(&encodings, &request)?;
    let states = &output.hidden_states.as_ref().expect("they were asked for")[0];
    let attentions = &output.attentions.as_ref().expect("they were asked for")[0];
    println!("hidden states [layers + 1, tokens, hidden] = {:?}", states.shape);
    println!("attentions [layers, heads, tokens, tokens] = {:?}", attentions.shape);
    let first_row: f32 = attentions.values[..attentions.shape[3]].iter().sum();
    assert!((first_row - 1.0).abs() < 1e-5, "a row of attention weights adds up to one");
    Ok(())
}
