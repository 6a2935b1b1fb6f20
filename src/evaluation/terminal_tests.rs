use super::*;
use crate::checkpoint::ProblemType;
use crate::evaluation::{EvaluationOptions, Evaluator, Example, Expected, Subject};

/// Rows by a rule, some of them wrong.
fn evaluation(labels: &[&str], problem_type: ProblemType) -> Evaluation {
    let labels: Vec<String> = labels.iter().map(|label| label.to_string()).collect();
    let count = labels.len();
    let mut evaluator = Evaluator::new(&labels, problem_type, EvaluationOptions::default()).expect("labels");
    for index in 0..40 {
        let right = index * 7 % count;
        let answered = if index % 5 == 0 { (right + 1) % count } else { right };
        let scores: Vec<f32> =
            (0..count).map(|label| if label == answered { 0.75 } else { 0.25 / count as f32 }).collect();
        let expected = match problem_type {
            ProblemType::SingleLabel => Expected::Label(right),
            ProblemType::MultiLabel => Expected::Labels((0..count).map(|label| label == right).collect()),
            ProblemType::Regression => {
                Expected::Values((0..count).map(|output| (index * (output + 1)) as f64).collect())
            }
        };
        let example = Example { index, name: "", text: "", expected: &expected, logits: &scores, probabilities: None };
        evaluator.add(example).expect("it fits");
    }
    evaluator.failed();
    evaluator.finish(Subject::default())
}

const LABELS: [&str; 4] =
    ["negative", "somewhat negative but not entirely so, all in all", "正面的", "good\u{1b}[31m\n\u{202e}x"];

#[test]
fn lines_fit_every_terminal() {
    let many: Vec<String> = (0..30).map(|label| format!("a label with the number {label}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for problem_type in [ProblemType::SingleLabel, ProblemType::MultiLabel, ProblemType::Regression] {
        for labels in [&LABELS[..], &LABELS[..1], &many] {
            let evaluation = evaluation(labels, problem_type);
            for width in (0..200).step_by(3) {
                let text = evaluation.text(width);
                for line in text.lines() {
                    assert!(columns(line) <= width.max(NARROWEST), "{width}: {line:?} of\n{text}");
                }
                assert!(!text.contains(['\u{1b}', '\u{202e}']) && text.contains("1 failed"), "{text}");
            }
        }
    }
}

#[test]
fn a_report_of_single_labels() {
    let text = evaluation(&["bad", "good"], ProblemType::SingleLabel).to_string();
    let expected = "\
40 rows were scored, 1 failed

accuracy              0.8000
macro F1              0.8000
weighted F1           0.8000
Matthews correlation  0.6000

                  precision  recall      F1  support
bad                  0.8000  0.8000  0.8000       20
good                 0.8000  0.8000  0.8000       20
micro average        0.8000  0.8000  0.8000
macro average        0.8000  0.8000  0.8000
weighted average     0.8000  0.8000  0.8000

Confusion matrix: a row is the right label, a column the predicted one
      bad  good
bad    16     4
good    4    16
";
    assert_eq!(text, expected);
}

#[test]
fn many_labels_are_shown_as_the_most_confused_pairs() {
    let many: Vec<String> = (0..13).map(|label| format!("label {label}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let text = evaluation(&many, ProblemType::SingleLabel).to_string();
    assert!(text.contains("Most confused") && !text.contains("Confusion matrix"), "{text}");
}

#[test]
fn nothing_scored_is_said() {
    let mut evaluator =
        Evaluator::new(&["a".into()], ProblemType::SingleLabel, EvaluationOptions::default()).expect("a label");
    evaluator.failed();
    evaluator.unlabelled();
    let text = evaluator.finish(Subject::default()).to_string();
    assert_eq!(text, "0 rows were scored, 1 failed, 1 without a label\n");
}
