//! The figures of an evaluation are those of scikit-learn and scipy (`tests/tools/evaluation.py`), to 1e-9, and its page is one
//! that a browser has nothing to say about (`tests/tools/page.py`).

#[path = "common/browser.rs"]
mod browser;
#[path = "common/requirements.rs"]
mod requirements;

use serde::Deserialize;
use serde_json::Value;
use std::path::{Path, PathBuf};
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
fn compare(
    found: &Value,
    expected: &Value,
    place: &str,
    tolerance: f64,
    compared: &mut usize,
    wrong: &mut Vec<String>,
) {
    match (found, expected) {
        (Value::Object(found), Value::Object(expected)) => {
            for (name, value) in expected {
                match found.get(name) {
                    Some(found) => compare(found, value, &format!("{place}.{name}"), tolerance, compared, wrong),
                    None => wrong.push(format!("{place}.{name} is absent")),
                }
            }
        }
        (Value::Array(found), Value::Array(expected)) if found.len() == expected.len() => {
            for (index, (found, value)) in found.iter().zip(expected).enumerate() {
                compare(found, value, &format!("{place}[{index}]"), tolerance, compared, wrong);
            }
        }
        (Value::Number(found_number), Value::Number(number)) => {
            let [found_number, number] = [found_number, number].map(|number| number.as_f64().expect("a number"));
            *compared += 1;
            let near = (found_number - number).abs() <= tolerance * number.abs().max(1.0);
            if !near {
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
        compare(&found, &case.expected, &name, TOLERANCE, &mut compared, &mut wrong);
        assert_eq!(evaluation.rows.scored, case.rows.len() as u64);
    }
    assert!(wrong.is_empty(), "{} of {compared} figures:\n{}", wrong.len(), wrong.join("\n"));
    assert!(compared > 1500, "only {compared} figures were compared");
}

/// Batches, and so the order of rows, depend on the machine.
#[test]
fn figures_do_not_depend_on_the_order_of_rows() {
    for (name, case) in cases() {
        let rows = case.rows.len();
        let forward = case.evaluate(0..rows);
        let backward = case.evaluate((0..rows).rev());
        let json = |evaluation: &Evaluation| serde_json::to_value(evaluation).expect("an evaluation is JSON");
        let (mut compared, mut wrong) = (0, Vec::new());
        compare(&json(&backward), &json(&forward), &name, 1e-12, &mut compared, &mut wrong);
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

#[test]
fn rows_that_say_nothing_are_counted_apart() {
    let case = case("binary");
    let mut evaluator = case.evaluator();
    let expected = Expected::Label(0);
    let rows: [(&[f32], Option<&[f32]>); 4] = [
        (&[1.0, 0.0], Some(&[0.75, 0.25])),
        (&[f32::NAN, 0.0], Some(&[0.75, 0.25])),
        (&[1.0, 0.0], Some(&[f32::NAN, f32::NAN])),
        (&[f32::INFINITY, 0.0], None),
    ];
    for (index, (logits, probabilities)) in rows.into_iter().enumerate() {
        let example = Example { index, name: "", text: "", expected: &expected, logits, probabilities };
        evaluator.add(example).expect("it is an answer");
    }
    evaluator.failed();
    evaluator.unlabelled();
    evaluator.unlabelled();
    let evaluation = evaluator.finish(Subject::default());
    let rows = evaluation.rows;
    assert_eq!((rows.scored, rows.not_finite, rows.failed, rows.unlabelled, rows.total()), (1, 3, 1, 2, 7));
    assert!(evaluation.to_string().contains("3 answered with what is no finite number"));
}

#[test]
fn rows_that_do_not_fit_the_model_are_errors() {
    let labels = ["a".to_string(), "b".into()];
    let kinds = [ProblemType::SingleLabel, ProblemType::MultiLabel, ProblemType::Regression];
    let right = [Expected::Label(1), Expected::Labels(vec![true, false]), Expected::Values(vec![0.5, 1.0])];
    for (kind, fitting) in kinds.into_iter().zip(&right) {
        let mut evaluator = Evaluator::new(&labels, kind, EvaluationOptions::default()).expect("the options fit");
        let mut add = |expected: &Expected, logits: &[f32], probabilities: Option<&[f32]>| {
            let error = evaluator.add(Example { index: 7, name: "", text: "", expected, logits, probabilities });
            error.map_err(|error| error.to_string())
        };
        for expected in &right {
            assert_eq!(add(expected, &[0.25, 0.75], None).is_ok(), expected == fitting);
        }
        let numbers: &[f32] = &[0.25, 0.75, 0.0];
        for wrong in [
            Expected::Label(2),
            Expected::Labels(vec![true]),
            Expected::Values(vec![1.0]),
            Expected::Values(vec![1.0, f64::NAN]),
        ] {
            let error = add(&wrong, &numbers[..2], None).expect_err("it does not fit");
            assert!(error.starts_with("row 7: "), "{error}");
        }
        for (logits, probabilities) in [(numbers, None), (&numbers[..1], None), (&numbers[..2], Some(numbers))] {
            assert!(add(fitting, logits, probabilities).is_err());
        }
    }
}

#[test]
fn options_that_do_not_fit_are_errors() {
    let new = |labels: &[String], thresholds: &[f32]| {
        let mut options = EvaluationOptions::default();
        options.thresholds = thresholds.to_vec();
        Evaluator::new(labels, ProblemType::MultiLabel, options)
    };
    let labels = ["a".to_string(), "b".into()];
    assert!(new(&labels, &[0.25]).is_ok() && new(&labels, &[0.25, 0.75]).is_ok());
    for (labels, thresholds) in [(&labels[..], &[][..]), (&labels, &[0.5; 3]), (&labels, &[f32::NAN]), (&[], &[0.5])] {
        assert!(new(labels, thresholds).is_err());
    }
}

#[test]
fn the_most_confident_mistakes_come_first() {
    for (name, case) in cases() {
        let evaluation = case.evaluate(0..case.rows.len());
        let mistakes = &evaluation.mistakes;
        let rank = |place: usize| mistakes[place].error.unwrap_or(mistakes[place].score);
        assert!((1..mistakes.len()).all(|place| rank(place - 1) >= rank(place)), "{name}");
        assert!(mistakes.len() <= 50 && mistakes.iter().all(|mistake| mistake.expected != mistake.predicted), "{name}");
        assert!(mistakes.iter().all(|mistake| mistake.name == format!("rows.csv:{}", mistake.index + 2)), "{name}");
        if let [first, ..] = &mistakes[..] {
            assert!(first.text.starts_with(&format!("Text {} ", first.index)), "{name}");
        }
        assert_eq!(mistakes.is_empty(), name.contains("perfect") || name == "one_row", "{name}");
    }
}

/// A model of thousands of labels has a document that one can open.
#[test]
fn thousands_of_labels_need_no_matrix() {
    let labels: Vec<String> = (0..5000).map(|label| format!("label {label}")).collect();
    let mut evaluator =
        Evaluator::new(&labels, ProblemType::SingleLabel, EvaluationOptions::default()).expect("the options fit");
    let mut logits = vec![0.0; labels.len()];
    for index in 0..100 {
        logits[index * 49] = 100.0 + index as f32;
        let expected = &Expected::Label(index * 50);
        evaluator
            .add(Example { index, name: "", text: "", expected, logits: &logits, probabilities: None })
            .expect("it fits");
    }
    let evaluation = evaluator.finish(Subject::default());
    let json = serde_json::to_value(&evaluation).expect("an evaluation is JSON");
    assert_eq!((&json["confusion_matrix"], json["confusions"].as_array().map(Vec::len)), (&Value::Null, Some(50)));
    assert!(evaluation.html().len() < 2_000_000);
}

/// Rows with more to see than the cases have: long labels and texts, many labels, signs of other scripts.
fn pages(folder: &Path) -> Vec<PathBuf> {
    std::fs::create_dir_all(folder).expect("a folder for the pages");
    let write = |name: &str, evaluation: &Evaluation| {
        let path = folder.join(format!("{name}.html"));
        std::fs::write(&path, evaluation.html()).expect("the page is written");
        path
    };
    let of_case = |name: &str| {
        let case = case(name);
        write(name, &case.evaluate(0..case.rows.len()))
    };
    let mut pages: Vec<PathBuf> = ["binary", "missing_label", "multi_label", "outputs", "regression", "perfect"]
        .into_iter()
        .map(of_case)
        .collect();
    let mut labels: Vec<String> = (1..=30).map(|label| format!("card_payment_fee_charged_{label}")).collect();
    labels[3] = "Eine sehr lange Bezeichnung, deren Ende man in keiner Tabelle erwartet <b>".into();
    labels[5] = "否定的な感想".into();
    labels[6] = "إيجابي".into();
    let mut evaluator =
        Evaluator::new(&labels, ProblemType::SingleLabel, EvaluationOptions::default()).expect("the options fit");
    let texts = [
        "I was charged twice for the same payment, and nobody answers.",
        "مرحبا بالعالم",
        "とても良い映画でした。",
        "",
    ];
    let long = "A long text with\nlines, <b>markup</b> & everything else that users write. ".repeat(30);
    for index in 0..1500 {
        let right = index * index % 31 % 30;
        let predicted = if index % 4 == 0 { (right + 1 + index % 7) % 30 } else { right };
        let top = 0.35 + (index % 60) as f32 / 100.0;
        let mut scores = vec![(1.0 - top) / 29.0; 30];
        scores[predicted] = top;
        let expected = &Expected::Label(right);
        let text = if index % 7 == 0 { &long } else { texts[index % 4] };
        let name = format!("data/banking77/test.csv:{}", index + 2);
        let probabilities = Some(scores.as_slice());
        evaluator.add(Example { index, name: &name, text, expected, logits: &scores, probabilities }).expect("it fits");
    }
    (0..12).for_each(|_| evaluator.failed());
    let subject = Subject {
        model: "somebody/modernbert-base-banking77-finetuned".into(),
        data: "data/banking77/test.csv".into(),
        adapter: "NVIDIA GeForce RTX 3080 (Vulkan)".into(),
        details: vec![("Precision".into(), "f16".into()), ("Label map".into(), "labels.json".into())],
    };
    pages.push(write("thirty_labels", &evaluator.finish(subject)));
    let nothing = Evaluator::new(&labels, ProblemType::SingleLabel, EvaluationOptions::default());
    pages.push(write("nothing", &nothing.expect("the options fit").finish(Subject::default())));
    pages
}

#[test]
fn a_browser_has_nothing_to_say_about_the_pages() {
    let pages = pages(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("evaluation"));
    browser::has_nothing_to_say(&pages);
}
