//! What pairs and explanations take beside the bare classifier: `rerank` and `zero_shot` beside `classify` of the same pairs, `explain`
//! beside `classify` of as many tokens. `cargo bench --bench pairs -- --cross-encoder FOLDER --nli FOLDER --model FOLDER`, any of the
//! three, `--rounds N` (5), on the adapter that WGBERT_ADAPTER names; `benches/peers/pairs` makes the folders, and times other engines.

use serde_json::{Value, json};
use std::path::Path;
use std::time::Instant;
use std::{env, fs};
use wgbert::{Classifier, Options, Result, Text, ZeroShot};

/// Tokens of the text that is explained.
const EXPLAINED: usize = 128;
const LABELS: [&str; 10] =
    ["film", "phone", "restaurant", "price", "quality", "service", "music", "battery", "acting", "food"];
const QUERY: &str = "Is the food worth its price?";

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let value = |name: &str| {
        let place = arguments.iter().position(|argument| argument == name)?;
        arguments.get(place + 1)
    };
    let folder = |name: &str| value(name).map(Path::new);
    let rounds = value("--rounds").map_or(5, |rounds| rounds.parse().expect("--rounds is a number"));
    assert!(rounds > 0, "--rounds is a number above 0");
    let texts = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/device/texts.txt");
    let texts = fs::read_to_string(texts).expect("the texts are there");
    let texts: Vec<&str> = texts.lines().collect();
    let mut any = false;
    if let Some(folder) = folder("--cross-encoder") {
        println!("{}", rerank(&load(folder)?, &texts, rounds)?);
        any = true;
    }
    if let Some(folder) = folder("--nli") {
        println!("{}", zero_shot(&load(folder)?, &texts, rounds)?);
        any = true;
    }
    if let Some(folder) = folder("--model") {
        println!("{}", explain(&load(folder)?, &texts, rounds)?);
        any = true;
    }
    if !any {
        // `cargo bench` runs all of them.
        println!(
            "nothing to time: name a folder with --cross-encoder, --nli or --model; benches/peers/pairs makes them"
        );
    }
    Ok(())
}

fn load(folder: &Path) -> Result<Classifier> {
    let adapter = env::var("WGBERT_ADAPTER").unwrap_or_default();
    Options::default().adapter(adapter.parse().expect("any text is a choice")).load(folder)
}

fn rerank(classifier: &Classifier, documents: &[&str], rounds: usize) -> Result<Value> {
    let pairs: Vec<(&str, &str)> = documents.iter().map(|document| (QUERY, *document)).collect();
    let bare = || classifier.classify(pairs.iter().copied()).map(|output| output.tokens.iter().sum());
    let whole = || classifier.rerank(QUERY, documents).map(drop);
    compared("rerank", classifier, documents.len(), rounds, &bare, &whole)
}

fn zero_shot(classifier: &Classifier, texts: &[&str], rounds: usize) -> Result<Value> {
    let hypotheses = LABELS.map(|label| format!("This example is {label}."));
    let pairs = || texts.iter().flat_map(|text| hypotheses.iter().map(|hypothesis| (*text, hypothesis.as_str())));
    let asked = ZeroShot::new(LABELS);
    let bare = || classifier.classify(pairs()).map(|output| output.tokens.iter().sum());
    let whole = || classifier.zero_shot(texts, &asked).map(drop);
    compared("zero-shot", classifier, texts.len() * LABELS.len(), rounds, &bare, &whole)
}

fn explain(classifier: &Classifier, texts: &[&str], rounds: usize) -> Result<Value> {
    // As many of the texts as are the tokens, of which the last may be cut.
    let mut text = String::new();
    for next in texts {
        text = text + next + " ";
        if classifier.encode(0, text.as_str())?.ids.len() >= EXPLAINED {
            break;
        }
    }
    let passes = classifier.explain(text.as_str(), false)?.passes;
    let same: Vec<Text<'_>> = vec![Text::Single(&text); passes];
    let bare = || classifier.classify(same.iter().copied()).map(|output| output.tokens.iter().sum());
    let whole = || classifier.explain(text.as_str(), false).map(drop);
    let one = || classifier.classify([text.as_str()]).map(drop);
    let mut row = compared("explain", classifier, passes, rounds, &bare, &whole)?;
    row["one text"] = json!(seconds(&one)?);
    Ok(row)
}

fn seconds(call: &dyn Fn() -> Result<()>) -> Result<f64> {
    let started = Instant::now();
    call()?;
    Ok(started.elapsed().as_secs_f64())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// In turns, so that what else the machine does meets both. `bare` answers with its tokens.
fn compared(
    name: &str,
    classifier: &Classifier,
    passes: usize,
    rounds: usize,
    bare: &dyn Fn() -> Result<usize>,
    whole: &dyn Fn() -> Result<()>,
) -> Result<Value> {
    // Everything is compiled, and there is room for all.
    let tokens = bare()?;
    whole()?;
    let [mut without, mut with, mut ratios] = [const { Vec::new() }; 3];
    for _ in 0..rounds {
        without.push(seconds(&|| bare().map(drop))?);
        with.push(seconds(whole)?);
        ratios.push(with[with.len() - 1] / without[without.len() - 1]);
    }
    let (without, with) = (median(without), median(with));
    Ok(json!({
        "what": name, "adapter": classifier.adapter(), "passes": passes, "tokens": tokens, "seconds": with, "bare seconds": without,
        "passes a second": passes as f64 / with, "bare passes a second": passes as f64 / without, "ratio": median(ratios),
    }))
}
