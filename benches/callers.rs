//! Many callers of one classifier: threads with a short text each, against one caller with all of the texts, and against the
//! same threads that take turns by a mutex. `cargo bench --bench callers`, with the adapter that WGBERT_ADAPTER names.

use std::sync::Mutex;
use std::time::{Duration, Instant};
use std::{env, thread};
use wgbert::Options;

const THREADS: usize = 64;
const ROUNDS: usize = 15;

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// Time until every thread has an answer to its text.
fn threads(texts: &[String], call: &(dyn Fn(&str) + Sync)) -> Duration {
    let start = Instant::now();
    thread::scope(|scope| {
        for text in texts {
            scope.spawn(move || call(text));
        }
    });
    start.elapsed()
}

fn main() -> Result<(), wgbert::Error> {
    let adapter = env::var("WGBERT_ADAPTER").unwrap_or_default();
    let options = Options::default().adapter(adapter.parse().expect("any text is a choice"));
    let classifier = options.sentiment()?;
    let texts: Vec<String> =
        (0..THREADS).map(|text| format!("Number {text} was a short and rather good film.")).collect();
    let one = |texts: &[String]| {
        let start = Instant::now();
        classifier.classify(texts).map(|_| start.elapsed())
    };
    // Everything is compiled, and there is room for all.
    for _ in 0..3 {
        one(&texts)?;
        one(&texts[..1])?;
    }
    let turn = Mutex::new(());
    let classify = |text: &str| drop(classifier.classify([text]).expect("it is answered"));
    let [mut single, mut shared, mut turns, mut alone] = [const { Vec::new() }; 4];
    // In turns, so that what else the machine does meets all.
    for _ in 0..ROUNDS {
        alone.push(one(&texts[..1])?);
        single.push(one(&texts)?);
        shared.push(threads(&texts, &classify));
        turns.push(threads(&texts, &|text| {
            let _turn = turn.lock().expect("nobody panics");
            classify(text);
        }));
    }
    let [single, shared, turns, alone] = [single, shared, turns, alone].map(|times| median(times).as_secs_f64() * 1e3);
    println!("{}, embedded model, median of {ROUNDS} rounds, ms", classifier.adapter());
    println!("one caller, one text            {alone:8.2}");
    println!("one caller, {THREADS} texts           {single:8.2}");
    println!("{THREADS} threads, a text each        {shared:8.2}  {:.2} x", shared / single);
    println!("{THREADS} threads that take turns     {turns:8.2}  {:.2} x", turns / single);
    Ok(())
}
