use crate::checkpoint::ProblemType;
use crate::evaluation::{EvaluationOptions, Evaluator, Example, Expected, Subject};

/// A text, a label and a path of a user's could be markup.
#[test]
fn what_the_user_wrote_is_text() {
    let hostile = "<script>alert(\"1\")</script> & '\u{0}\u{1b}[31m";
    let labels = [hostile.to_string(), "</bdi><img src=x>".into(), String::new()];
    for problem_type in [ProblemType::SingleLabel, ProblemType::MultiLabel, ProblemType::Regression] {
        let mut evaluator = Evaluator::new(&labels, problem_type, EvaluationOptions::default()).expect("labels");
        let expected = match problem_type {
            ProblemType::SingleLabel => Expected::Label(0),
            ProblemType::MultiLabel => Expected::Labels(vec![true, false, false]),
            ProblemType::Regression => Expected::Values(vec![1.0, 2.0, 3.0]),
        };
        let numbers = [0.25, 0.75, 0.0];
        let example = Example {
            index: 0,
            name: hostile,
            text: hostile,
            expected: &expected,
            logits: &numbers,
            probabilities: Some(&numbers),
        };
        evaluator.add(example).expect("it fits");
        let [model, data, adapter] = [hostile; 3].map(String::from);
        let details = vec![(hostile.into(), hostile.into())];
        let html = evaluator.finish(Subject { model, data, adapter, details }).html();
        for markup in ["<script", "<img", "alert(\"", "\u{0}", "\u{1b}"] {
            assert!(!html.contains(markup), "{markup:?} is in the page");
        }
        assert!(html.contains("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; &#39;"));
    }
}

#[test]
fn long_texts_are_behind_a_button() {
    let labels = ["a".to_string(), "b".into()];
    let mut evaluator =
        Evaluator::new(&labels, ProblemType::SingleLabel, EvaluationOptions::default()).expect("labels");
    for (index, text) in ["short", &"long ".repeat(1000)].into_iter().enumerate() {
        let logits = [0.0, 1.0];
        let expected = &Expected::Label(0);
        evaluator
            .add(Example { index, name: "", text, expected, logits: &logits, probabilities: None })
            .expect("it fits");
    }
    let html = evaluator.finish(Subject::default()).html();
    assert_eq!(html.matches("<summary>More of the text</summary>").count(), 1);
    assert!(html.len() < 20_000, "{} bytes", html.len());
}

#[test]
fn a_page_of_nothing_says_so() {
    let labels = ["a".to_string()];
    let evaluator = Evaluator::new(&labels, ProblemType::SingleLabel, EvaluationOptions::default()).expect("a label");
    let html = evaluator.finish(Subject::default()).html();
    assert!(html.contains("No row was scored"));
}
