use super::*;

fn found(json: &str) -> Result<&'static str, String> {
    let config = Config::new(json.as_bytes(), "model/config.json").expect(json);
    architecture(&config).map(|found| found.model_type).map_err(|error| error.to_string())
}

/// As in transformers the model type decides, but not for files of another task.
#[test]
fn the_class_decides_only_the_task() {
    for class in [
        r#""BertForSequenceClassification""#,
        r#"["BertForSequenceClassification"]"#,
        r#"["BertForTokenClassification", "BertForSequenceClassification"]"#,
        r#"["BertForMultiLabelSequenceClassification"]"#,
        r#"["RobertaForSequenceClassification"]"#,
        r#"["MyModel"]"#,
        r#"["BertForPreTraining"]"#,
        r#"["BertForMaskedLM"]"#,
        "null",
        "[]",
    ] {
        assert_eq!(found(&format!(r#"{{"model_type": "bert", "architectures": {class}}}"#)), Ok("bert"), "{class}");
    }
    for class in [
        "BertForTokenClassification",
        "BertForQuestionAnswering",
        "BertForMultipleChoice",
        "BertForNextSentencePrediction",
        "BertLMHeadModel",
        "MyBertForTokenClassificationWithCrf",
    ] {
        for architectures in [format!("{class:?}"), format!("[{class:?}]")] {
            let message = found(&format!(r#"{{"model_type": "bert", "architectures": {architectures}}}"#));
            let message = message.expect_err(class);
            assert!(message.contains(&format!("architecture {class} is not supported")), "{message}");
        }
    }
    assert!(found(r#"{"model_type": "xyz"}"#).expect_err("unknown").contains("model_type \"xyz\""));
}
