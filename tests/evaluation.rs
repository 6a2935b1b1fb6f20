//! The figures of an evaluation are those of scikit-learn and scipy (`tests/tools/evaluation.py`), to 1e-9, and its page is one that a browser
//! has nothing to say about (`tests/tools/page.py`).

#[path = "common/requirements.rs"]
mod requirements;

use requirements::{Need, not_run};
use serde::Deserialize;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use wgbert::ProblemType;
use wgbert::evaluation::{Evaluation, EvaluationOptions, Evaluator, Example, Expected, Subject};

const TOLERANCE: f64 = 1e-9;

#[derive(Deserialize)]
struct Case {
    problem_type: ProblemType,
    labels: Vec<String>,
    thresholds: Option<Vec<f32>>,
    /// What is right, logits, probabilities.
    rows: Vec<(Value, Vec<f32>, Option<Vec<f32>>)>,
    expected: Value,
}

impl Case {
    fn evaluator(&self) -> Evaluator {
        let mut options = EvaluationOptions::default();
        if let Some(thresholds) = &self.thresholds {
            options.thresholds = thresholds.clone();
        }
        Evaluator::new(&self.labels, self.problem_type, options).expect("the options fit the labels")
    }

    /// The rows of this order, of these places.
    fn evaluate(&self, order: impl Iterator<Item = usize>) -> Evaluation {
        let mut evaluator = self.evaluator();
        for index in order {
            let (right, logits, probabilities) = &self.rows[index];
            let (name, text) = (format!("rows.csv:{}", index + 2), format!("Text {index} is <b>right</b> & \"long\"."));
            let expected = expected(right);
            let probabilities = probabilities.as_deref();
            let example = Example { index, name: &name, text: &text, expected: &expected, logits, probabilities };
            evaluator.add(example).expect("the row fits the model");
        }
        evaluator.finish(Subject::default())
    }
}

fn expected(right: &Value) -> Expected {
    let flag = |value: &Value| value.as_u64().map(|flag| flag == 1);
    match right {
        Value::Array(values) if values.iter().all(Value::is_u64) => {
            Expected::Labels(values.iter().map(|value| flag(value).expect("0 or 1")).collect())
        }
        Value::Array(values) => {
            Expected::Values(values.iter().map(|value| value.as_f64().expect("a number")).collect())
        }
        label => Expected::Label(label.as_u64().expect("an index") as usize),
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/evaluation")
}

fn cases() -> Vec<(String, Case)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder()).expect("the cases are there") {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let text = std::fs::read(&path).expect("a case is readable");
        all.push((name, serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))));
    }
    all.sort_by(|(a, _): &(String, Case), (b, _)| a.cmp(b));
    assert!(all.len() > 20, "only {} cases", all.len());
    all
}

fn case(name: &str) -> Case {
    cases().into_iter().find(|(case, _)| case == name).expect("the case is there").1
}

/// Each number of `expected` stands at the same place of `found`, and what is null is null there; `found` may have more.
fn compare(found: &Value, expected: &Value, place: &str, compared: &mut usize, wrong: &mut Vec<String>) {
    match (found, expected) {
        (Value::Object(found), Value::Object(expected)) => {
            for (name, value) in expected {
                match found.get(name) {
                    Some(found) => compare(found, value, &format!("{place}.{name}"), compared, wrong),
                    None => wrong.push(format!("{place}.{name} is absent")),
                }
            }
        }
        (Value::Array(found), Value::Array(expected)) if found.len() == expected.len() => {
            for (index, (found, value)) in found.iter().zip(expected).enumerate() {
                compare(found, value, &format!("{place}[{index}]"), compared, wrong);
            }
        }
        (Value::Number(found_number), Value::Number(number)) => {
            let [found_number, number] = [found_number, number].map(|number| number.as_f64().expect("a number"));
            *compared += 1;
            // Written so that NaN is wrong.
            if !((found_number - number).abs() <= TOLERANCE * number.abs().max(1.0)) {
                wrong.push(format!("{place} is {found_number}, not {number}"));
            }
        }
        (found, expected) if found == expected => {}
        (found, expected) => wrong.push(format!("{place} is {found}, not {expected}")),
    }
}

#[test]
fn figures_are_scikit_learns() {
    let (mut compared, mut wrong) = (0, Vec::new());
    for (name, case) in cases() {
        let evaluation = case.evaluate(0..case.rows.len());
        let found = serde_json::to_string(&evaluation).expect("an evaluation is JSON");
        let found = serde_json::from_str(&found).expect("it is what was written");
        compare(&found, &case.expected, &name, &mut compared, &mut wrong);
        assert_eq!(evaluation.rows.scored, case.rows.len() as u64);
    }
    assert!(wrong.is_empty(), "{} of {compared} figures:\n{}", wrong.len(), wrong.join("\n"));
    assert!(compared > 1500, "only {compared} figures were compared");
}
