use super::*;

fn config(json: &str) -> Result<Config> {
    Config::new(json.as_bytes(), "model/config.json")
}

fn message(json: &str) -> String {
    config(json).expect_err(json).to_string()
}

fn labels(rest: &str) -> Vec<String> {
    config(&format!(r#"{{"model_type": "bert"{rest}}}"#)).expect(rest).labels
}

#[test]
fn labels_follow_transformers() {
    assert_eq!(labels(""), ["LABEL_0", "LABEL_1"]);
    assert_eq!(labels(r#", "num_labels": null, "id2label": null"#), ["LABEL_0", "LABEL_1"]);
    assert_eq!(labels(r#", "num_labels": 3"#), ["LABEL_0", "LABEL_1", "LABEL_2"]);
    assert_eq!(labels(r#", "id2label": {"1": "good", "0": "bad"}"#), ["bad", "good"]);
    assert_eq!(labels(r#", "num_labels": 2, "id2label": {"1": "good", "0": "bad"}"#), ["bad", "good"]);
    // More than ten keys: their order as strings is not their order as numbers.
    let names: Vec<String> = (0..12).map(|index| format!(r#""{index}": "name {index}""#)).collect();
    assert_eq!(labels(&format!(r#", "id2label": {{{}}}"#, names.join(",")))[10], "name 10");
    // Names that are no strings, and whole numbers with a fraction.
    assert_eq!(labels(r#", "id2label": {"0": 7, "1": null, "2": true, "3": NaN}"#), ["7", "null", "true", "NaN"]);
    assert_eq!(labels(r#", "num_labels": 2.0, "id2label": {"1": "good", "0": "bad"}"#), ["bad", "good"]);
    // Where they disagree, num_labels wins in transformers 5, and the names are lost; in 4.57 the names do.
    let three = r#", "num_labels": 3, "id2label": {"0": "a", "1": "b"}, "transformers_version": "#;
    assert_eq!(labels(&format!("{three} \"5.0.0\"")), ["LABEL_0", "LABEL_1", "LABEL_2"]);
    for older in ["\"4.57.6\"", "null", "\"\"", "4"] {
        assert_eq!(labels(&format!("{three} {older}")), ["a", "b"], "{older}");
    }
}

#[test]
fn labels_that_cannot_be_numbered_are_refused() {
    for (id2label, expected) in [
        (
            r#"{"0": "a", "2": "b"}"#,
            "id2label has the key \"2\"; the keys of 2 labels are \"0\" to \"1\", without gaps",
        ),
        (r#"{"a": "0"}"#, "id2label has the key \"a\""),
        (r#"{"-1": "a"}"#, "id2label has the key \"-1\""),
        (r#"{"0": "a", "00": "b"}"#, "id2label names label"),
        ("{}", "the model has no label"),
        (r#"["a"]"#, "id2label: invalid type: sequence, expected a map"),
    ] {
        let message = message(&format!(r#"{{"model_type": "bert", "id2label": {id2label}}}"#));
        assert!(message.starts_with("model/config.json: ") && message.contains(expected), "{message}");
    }
}

#[test]
fn numbers_of_labels_are_bounded() {
    for (count, expected) in [
        ("0", "the model has no label"),
        ("-1", "num_labels: invalid value: integer `-1`"),
        ("1000001", "1000001 labels (num_labels, id2label) are more than 1000000"),
        ("1000000000000", "are more than 1000000"),
        ("1e15", "are more than 1000000"),
        ("1e300", "num_labels: invalid type: floating point `1e+300`, expected u64"),
        ("2.5", "num_labels: invalid type: floating point `2.5`, expected u64"),
        ("NaN", "num_labels: invalid type: NaN, expected u64"),
        ("\"2\"", "num_labels: invalid type: string"),
    ] {
        let message = message(&format!(r#"{{"model_type": "bert", "num_labels": {count}}}"#));
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn a_config_says_what_it_lacks() {
    assert!(message("{}").contains("model/config.json: no model_type"));
    assert!(message(r#"{"model_type": ""}"#).contains("no model_type"));
    assert!(message(r#"{"model_type": 3}"#).contains("model_type: invalid type: integer `3`, expected a string"));
    assert!(message("[]").contains("model/config.json: invalid type: sequence, expected a map"));
    assert!(message("").contains("EOF while parsing"));
    let message = message(r#"{"model_type": "bert", "problem_type": "ranking"}"#);
    assert!(message.contains("problem_type: unknown variant `ranking`, expected one of `regression`"), "{message}");
}

/// Transformers reads these whatever their form: none decides what is computed.
#[test]
fn fields_that_decide_nothing_have_any_form() {
    let architectures = |json: &str| {
        config(&format!(r#"{{"model_type": "bert", "architectures": {json}}}"#)).expect(json).architectures
    };
    assert_eq!(architectures(r#""BertForSequenceClassification""#), ["BertForSequenceClassification"]);
    assert_eq!(architectures(r#"[null, "A", 5]"#), ["A"]);
    assert_eq!([architectures("null"), architectures("5"), architectures("[]")].concat(), [""; 0]);
    let config = config(r#"{"model_type": "bert", "label2id": "abc", "problem_type": "", "best_metric": NaN}"#);
    assert_eq!(config.expect("transformers loads it").problem_type, None);
}

#[test]
fn an_architecture_reads_its_own_fields() {
    #[derive(Debug, Deserialize, PartialEq)]
    struct Bert {
        hidden_size: usize,
        #[serde(default)]
        hidden_act: String,
    }
    let parse = |rest: &str| config(&format!(r#"{{"model_type": "bert"{rest}}}"#)).expect(rest).parse::<Bert>();
    let message = |rest: &str| parse(rest).expect_err(rest).to_string();
    assert_eq!(
        parse(r#", "hidden_size": 8, "zzz": [1]"#).expect("all there"),
        Bert { hidden_size: 8, hidden_act: String::new() }
    );
    assert_eq!(message(r#", "zzz": 1"#), "model/config.json: missing field `hidden_size`");
    assert_eq!(
        message(r#", "hidden_act": 1, "hidden_size": 8, "zzz": 1"#),
        "model/config.json: hidden_act: invalid type: integer `1`, expected a string"
    );
    assert_eq!(
        message(r#", "hidden_size": -8"#),
        "model/config.json: hidden_size: invalid value: integer `-8`, expected usize"
    );
}

#[test]
fn label_indices() {
    let config =
        config(r#"{"model_type": "bert", "id2label": {"0": "a", "1": "b"}, "label2id": {"a": 1, "alias": 0, "b": 9}}"#);
    let config = config.expect("it is valid");
    let indices = ["a", "b", "alias", "c"].map(|name| config.label_index(name));
    assert_eq!(indices, [Some(1), Some(1), Some(0), None]);
}

/// The branches of transformers' text-classification pipeline, and of sentence-transformers' cross-encoder.
#[test]
fn scores() {
    let scoring = |rest: &str| config(&format!(r#"{{"model_type": "bert", {rest}}}"#)).expect(rest).scoring();
    for (rest, expected) in [
        (r#""num_labels": 1"#, Scoring::Sigmoid),
        (r#""num_labels": 2"#, Scoring::Softmax),
        (r#""num_labels": 1, "problem_type": "regression""#, Scoring::None),
        (r#""num_labels": 3, "problem_type": "regression""#, Scoring::None),
        (r#""num_labels": 3, "problem_type": "multi_label_classification""#, Scoring::Sigmoid),
        (r#""num_labels": 3, "problem_type": "single_label_classification""#, Scoring::Softmax),
        (r#""num_labels": 1, "problem_type": "single_label_classification""#, Scoring::Sigmoid),
        (r#""num_labels": 2, "function_to_apply": "none""#, Scoring::Softmax),
        (r#""num_labels": 1, "sentence_transformers": {"version": "4.1.0"}"#, Scoring::Sigmoid),
        (r#""num_labels": 3, "sentence_transformers": {"version": "4.1.0"}"#, Scoring::None),
        (
            r#""num_labels": 1, "sentence_transformers": {"activation_fn": "torch.nn.modules.linear.Identity"},
               "sbert_ce_default_activation_function": "torch.nn.modules.activation.Sigmoid""#,
            Scoring::None,
        ),
        (
            r#""num_labels": 2, "sbert_ce_default_activation_function": "torch.nn.modules.activation.Sigmoid""#,
            Scoring::Sigmoid,
        ),
        (r#""num_labels": 1, "sbert_ce_default_activation_function": null"#, Scoring::Sigmoid),
        (r#""num_labels": 1, "sbert_ce_default_activation_function": "torch.nn.Tanh""#, Scoring::Tanh),
        // The newer field, even if it is null, hides the older one.
        (
            r#""num_labels": 1, "sentence_transformers": {"activation_fn": null},
               "sbert_ce_default_activation_function": "torch.nn.modules.linear.Identity""#,
            Scoring::Sigmoid,
        ),
    ] {
        assert_eq!(scoring(rest).expect(rest), expected, "{rest}");
    }
    let error = scoring(r#""sbert_ce_default_activation_function": "mine.Activation""#).expect_err("not torch's");
    assert_eq!(
        error.to_string(),
        "model/config.json: the cross-encoder activation \"mine.Activation\" is not supported; supported are \
         torch.nn.modules.activation.Sigmoid, torch.nn.modules.activation.Softmax, \
         torch.nn.modules.activation.Tanh, torch.nn.modules.linear.Identity, and any if you choose a rule: \
         `Options::scoring`"
    );
}

#[test]
fn the_loss_depends_on_the_labels_where_the_file_says_nothing() {
    let effective = |rest: &str, float_labels| {
        let config = config(&format!(r#"{{"model_type": "bert", {rest}}}"#)).expect(rest);
        config.effective_problem_type(float_labels)
    };
    assert_eq!(effective(r#""num_labels": 1"#, false), ProblemType::Regression);
    assert_eq!(effective(r#""num_labels": 2"#, false), ProblemType::SingleLabel);
    assert_eq!(effective(r#""num_labels": 2"#, true), ProblemType::MultiLabel);
    assert_eq!(effective(r#""problem_type": "regression""#, false), ProblemType::Regression);
}
