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
        r#"["BertForTokenClassification"]"#,
        r#"["RobertaForTokenClassification"]"#,
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
        "XLNetForTokenClassification",
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

/// A head of tokens reads the last hidden state, through ModernBERT's prediction head, whatever head the texts have.
#[test]
fn a_class_of_token_classification_has_a_head_of_tokens() {
    for architecture in ARCHITECTURES {
        let class = architecture.class_of(Task::TokenClassification);
        for (classes, expected) in [
            (vec![class.as_str()], Task::TokenClassification),
            (vec![class.as_str(), architecture.class], Task::SequenceClassification),
            (vec!["BertModel"], Task::SequenceClassification),
            (vec![], Task::SequenceClassification),
        ] {
            let json =
                serde_json::json!({ "model_type": architecture.model_type, "architectures": classes, "num_labels": 5 });
            let config = Config::new(json.to_string().as_bytes(), "model/config.json").expect("it is complete");
            assert!(super::architecture(&config).is_ok(), "{classes:?}");
            let model = describe(architecture, &config).expect("the defaults are a model");
            assert_eq!(model.task(), expected, "{classes:?}");
            if expected == Task::TokenClassification {
                let Head { pool, dense, classifier } = model.head;
                assert_eq!((pool, classifier.outputs()), (None, 5));
                assert_eq!(dense.is_some(), architecture.model_type == "modernbert");
            }
        }
    }
}
