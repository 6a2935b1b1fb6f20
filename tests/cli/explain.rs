//! `wgbert explain`: on a terminal, for programs, as a page.

use super::{FANTASTIC, TERRIBLE, folder, run, terminal, text};
use serde_json::Value;
use std::fs;

#[test]
fn words_that_moved_an_answer_are_named() {
    let shown = run(&["explain", "-q", FANTASTIC, TERRIBLE, "-k", "1"]).expect(0);
    let lines = shown.lines();
    assert_eq!((lines[0], lines[4]), (FANTASTIC, TERRIBLE), "{shown:#?}");
    assert!(lines[1].starts_with("  positive  0.99") && lines[2].starts_with("  fantastic   +0."), "{shown:#?}");
    assert!(lines[5].starts_with("  negative  0.9") && lines[6].starts_with("  terrible   +0."), "{shown:#?}");
    let other = run(&["explain", "-q", FANTASTIC, "--label", "negative", "--by", "token", "-k", "1"]).expect(0);
    assert!(other.lines()[1].starts_with("  negative  0.00") && other.lines()[2].contains("-0."), "{other:#?}");
    let sentences = run(&["explain", "-q", "It was good. It was bad.", "--by", "sentence"]).expect(0);
    assert!(sentences.lines().iter().any(|line| line.starts_with("  It was good.  ")), "{sentences:#?}");
    run(&["explain", "a", "--label", "great"]).expect(2).says(&["no label is called \"great\"", "negative"]);
    if let Some(shown) = terminal(80, &format!("explain -q '{FANTASTIC}'")) {
        assert!(shown.contains("\u{1b}[38;5;231;48;5;25mfantastic\u{1b}[0m."), "{shown:?}");
    }
}

#[test]
fn explanations_are_json() {
    let asked = ["explain", "-q", "was it good?", "--pair", "yes", "--format", "json", "--attentions"];
    let explained: Value = run(&asked).expect(0).document();
    let one = &explained[0];
    let words: Vec<&str> = one["words"].as_array().unwrap().iter().filter_map(|word| word["text"].as_str()).collect();
    assert_eq!((words, one["texts"].as_array().map(Vec::len)), (vec!["was", "it", "good", "yes"], Some(2)));
    let effects = one["words"][2]["without"]["effects"].as_array().expect("a list");
    assert_eq!((effects.len(), one["labels"].as_array().map(Vec::len)), (3, Some(3)));
    assert!(one["attentions"]["shape"].is_array());
    assert!(one["tokens"][0]["without"].is_null() && one["tokens"][1]["without"].is_object());
}

#[test]
fn a_browser_has_nothing_to_say_about_an_explanation() {
    let (folder, long) = (folder(), "It was not <b>bad</b> at all, but </script> the fox was good & quick. ".repeat(7));
    let path = text(&folder.path().join("explanation.html"));
    run(&["explain", "-q", &long, FANTASTIC, "--max-length", "128", "--html", &path]).expect(0);
    let page = fs::read_to_string(&path).expect("a page");
    assert!(page.len() < 1_000_000, "{} bytes", page.len());
    assert_eq!(page.matches("</script>").count(), 2);
    run(&["explain", "-q", "a", "--html", &path]).expect(2).says(&["is there already", "--overwrite"]);
    super::browser::has_nothing_to_say(&[path]);
}
