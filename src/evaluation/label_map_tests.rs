use super::*;
use serde_json::json;

fn map(labels: &[&str], problem_type: ProblemType, mappings: &[&str]) -> LabelMap {
    let labels: Vec<String> = labels.iter().map(|label| label.to_string()).collect();
    let mut map = LabelMap::new(&labels, problem_type);
    mappings.iter().for_each(|mapping| map.add(mapping).expect("the mapping is right"));
    map
}

fn single(labels: &[&str], mappings: &[&str]) -> LabelMap {
    map(labels, ProblemType::SingleLabel, mappings)
}

fn label(map: &mut LabelMap, value: Value) -> Option<usize> {
    match map.expected(&value) {
        Ok(Expected::Label(label)) => Some(label),
        Ok(other) => panic!("{other:?}"),
        Err(_) => None,
    }
}

/// The sentiments of a data set may be more than the model's.
#[test]
fn a_label_may_be_none_of_the_models() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("map.json");
    std::fs::write(&file, r#"{"6": null, "0": "positive"}"#).unwrap();
    for mappings in [vec!["6=", "0=positive"], vec![file.to_str().unwrap()]] {
        let mut map = single(&["negative", "positive"], &mappings);
        assert_eq!(map.unused().collect::<Vec<_>>(), ["0", "6"]);
        for (value, none) in [(json!("6"), true), (json!(6), true), (json!(["0", 6]), true), (json!("0"), false)] {
            assert_eq!(map.leaves_out(&value), none, "{value}");
        }
        assert_eq!((label(&mut map, json!("6")), label(&mut map, json!("0"))), (None, Some(1)));
        assert_eq!(map.unused().count(), 0);
        let both = map.add("6=positive").unwrap_err().to_string();
        assert!(both.contains("\"6\" is both none and \"positive\""), "{both}");
    }
}

#[test]
fn names_indices_and_case() {
    let mut map = single(&["negative", "Positive"], &[]);
    let cases = [
        (json!("negative"), Some(0)),
        (json!("POSITIVE"), Some(1)),
        (json!(" positive "), Some(1)),
        (json!(1), Some(1)),
        (json!(1.0), Some(1)),
        (json!("1"), Some(1)),
        (json!(2), None),
        (json!(-1), None),
        (json!(0.5), None),
        (json!("01"), None),
        (json!(""), None),
        (json!(true), None),
        (json!(null), None),
        (json!([1]), None),
        (json!({}), None),
    ];
    for (value, expected) in cases {
        assert_eq!(label(&mut map, value.clone()), expected, "{value}");
    }
}

#[test]
fn case_is_ignored_where_one_label_is_meant() {
    let mut map = single(&["us", "US", "uk"], &[]);
    assert_eq!(label(&mut map, json!("US")), Some(1));
    assert_eq!(label(&mut map, json!("Us")), None);
    assert_eq!(label(&mut map, json!("UK")), Some(2));
}

#[test]
fn mappings_come_first_and_several_may_mean_one() {
    let mut map = single(&["negative", "positive"], &["0=positive", "1=negative", "good = positive", "Fine=1"]);
    for (value, expected) in [(json!(0), 1), (json!("0"), 1), (json!(1.0), 0), (json!("good"), 1), (json!("fine"), 1)] {
        assert_eq!(label(&mut map, value), Some(expected));
    }
    assert_eq!(map.unused().collect::<Vec<_>>(), ["Fine"]);
    let mut truth = single(&["no", "yes"], &["true=yes", "false=no"]);
    assert_eq!(label(&mut truth, json!(true)), Some(1));
}

/// Number 1 was index 1, "2", where the data meant "1": every row would have been scored against its neighbour.
#[test]
fn numbers_that_may_be_names_or_indices_are_refused() {
    let mut stars = single(&["1", "2", "3"], &[]);
    assert_eq!(label(&mut stars, json!("1")), Some(0));
    assert_eq!(label(&mut stars, json!("0")), None);
    for number in [0, 1, 3] {
        assert_eq!(label(&mut stars, json!(number)), None);
    }
    let mut mapped = single(&["1", "2", "3"], &["1=1", "2=2", "3=3"]);
    assert_eq!(label(&mut mapped, json!(3)), Some(2));
    let mut own = single(&["0", "1"], &[]);
    assert_eq!(label(&mut own, json!(1)), Some(1));
}

#[test]
fn mappings_that_say_nothing_are_errors() {
    let mut map = single(&["negative", "positive"], &["x=0"]);
    for (mapping, word) in [("pos", "DATA=MODEL"), ("pos=good", "\"good\""), ("x=positive", "both"), ("a=2", "\"2\"")] {
        let error = map.add(mapping).expect_err(mapping).to_string();
        assert!(error.contains(word) && error.starts_with(mapping), "{error}");
    }
    assert!(matches!(map.add("/nowhere/labels.json"), Err(EvaluationError::File { .. })));
    let mut values = super::LabelMap::new(&["stars".into()], ProblemType::Regression);
    assert!(values.add("a=stars").is_err());
}

#[test]
fn mappings_of_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |text: &str| {
        let path = folder.path().join("labels.json");
        std::fs::write(&path, text).expect("a file");
        path.to_str().expect("a path").to_string()
    };
    let mut map = single(&["negative", "positive"], &[]);
    map.add(&write(r#"{"pos": "positive", "a=b": "negative", "2": 1}"#)).expect("an object of labels");
    for (value, expected) in [(json!("pos"), 1), (json!("a=b"), 0), (json!(2), 1)] {
        assert_eq!(label(&mut map, value), Some(expected));
    }
    for wrong in ["[]", "{", r#"{"pos": ["positive"]}"#, r#"{"pos": "good"}"#, r#"{"pos": 0}"#] {
        assert!(matches!(map.add(&write(wrong)), Err(EvaluationError::Mapping { .. })), "{wrong}");
    }
}

#[test]
fn labels_that_the_model_lacks_are_named_with_both_lists() {
    let mut map = single(&["negative", "positive"], &[]);
    assert!(map.check().is_ok());
    for value in ["neutral", "positive", "mixed", "neutral"] {
        let _ = map.expected(&json!(value));
    }
    let error = map.check().expect_err("two are none of the model's").to_string();
    for part in [
        r#"no label for "mixed", "neutral" of the data"#,
        r#"the data's labels are "mixed", "neutral", "positive","#,
        r#"the model's "negative", "positive""#,
        "mixed=negative",
    ] {
        assert!(error.contains(part), "{part:?} is not in {error}");
    }
    (0..5000).for_each(|row| drop(map.expected(&json!(format!("text {row}")))));
    assert!(map.check().expect_err("the column is wrong").to_string().len() < 2000);
}

#[test]
fn several_right_labels() {
    let mut map = map(&["joy", "anger", "fear", "love"], ProblemType::MultiLabel, &["happy=joy"]);
    let cases = [
        (json!(["joy", "Fear"]), [true, false, true, false]),
        (json!("happy"), [true, false, false, false]),
        (json!([]), [false; 4]),
        (json!([0, 1, 1, 0]), [false, true, true, false]),
        (json!([false, true, true, false]), [false, true, true, false]),
        (json!([3]), [false, false, false, true]),
        (json!(3), [false, false, false, true]),
        (json!([0, 1, 2, 3]), [true; 4]),
    ];
    for (value, expected) in cases {
        assert_eq!(map.expected(&value).expect("labels"), Expected::Labels(expected.into()), "{value}");
    }
    for wrong in [json!(["good"]), json!([0.5, 0, 0, 0]), json!([4]), json!([[0]]), json!({}), json!([0.5])] {
        assert!(map.expected(&wrong).is_err(), "{wrong}");
    }
}

#[test]
fn values() {
    let mut one = map(&["stars"], ProblemType::Regression, &[]);
    for value in [json!(4.5), json!([4.5]), json!(" 4.5")] {
        assert_eq!(one.expected(&value).expect("a value"), Expected::Values(vec![4.5]));
    }
    let mut two = map(&["a", "b"], ProblemType::Regression, &[]);
    assert_eq!(two.expected(&json!([1, -0.5])).expect("values"), Expected::Values(vec![1.0, -0.5]));
    for wrong in [json!(1), json!([1]), json!("NaN"), json!(["inf", 1]), json!(null), json!([1, 2, 3])] {
        assert!(
            two.expected(&wrong).is_err()
                && (wrong == json!(1) || one.expected(&wrong).is_err() || wrong == json!([1])),
            "{wrong}"
        );
    }
}
