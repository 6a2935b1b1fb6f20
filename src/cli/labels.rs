//! The `label` of a row -> what its loss is measured against.

use crate::Label;
use crate::checkpoint::{Config, ProblemType};
use serde_json::Value;

/// Reads labels. Where the model's configuration does not say what they mean, the first one decides for all, as the first
/// training step does in transformers (`self.config.problem_type` in `ForSequenceClassificationLoss`).
#[derive(Debug, Default)]
pub struct LabelReader {
    problem: Option<ProblemType>,
}

impl LabelReader {
    /// The label, or what is wrong with it for a model of this configuration.
    pub fn read(&mut self, config: &Config, value: &Value) -> Result<Label, String> {
        let problem = self.problem.unwrap_or_else(|| config.effective_problem_type(value.is_array()));
        let label = match problem {
            ProblemType::SingleLabel => class(config, value).map(Label::Class),
            ProblemType::MultiLabel => flags(config, value).map(Label::Values),
            ProblemType::Regression => targets(config, value).map(Label::Values),
        }?;
        self.problem = Some(problem);
        Ok(label)
    }
}

/// The one right label: its name or its index.
fn class(config: &Config, value: &Value) -> Result<usize, String> {
    let count = config.num_labels();
    match value {
        Value::String(name) => index(config, name),
        // pandas writes integers as 1.0 where a column has gaps.
        Value::Number(number) => {
            let class = number.as_f64().filter(|class| (0.0..count as f64).contains(class) && class.fract() == 0.0);
            class.map(|class| class as usize).ok_or_else(|| format!("label {value} is not an index below {count}"))
        }
        _ => Err(format!("label {value} is neither a label's name nor an index below {count}")),
    }
}

/// For each label whether it is right: the names of those that are, or a number for each.
fn flags(config: &Config, value: &Value) -> Result<Vec<f32>, String> {
    let names = match value {
        Value::String(_) => std::slice::from_ref(value),
        Value::Array(values) if values.iter().all(Value::is_string) => values,
        _ => return targets(config, value),
    };
    let mut flags = vec![0.0; config.num_labels()];
    for name in names.iter().filter_map(Value::as_str) {
        flags[index(config, name)?] = 1.0;
    }
    Ok(flags)
}

/// A number for each label.
fn targets(config: &Config, value: &Value) -> Result<Vec<f32>, String> {
    let count = config.num_labels();
    let values = match value {
        Value::Array(values) => values.as_slice(),
        Value::Number(_) if count == 1 => std::slice::from_ref(value),
        _ => &[],
    };
    let number = |value: &Value| value.as_f64().map(|number| number as f32).filter(|number| number.is_finite());
    let numbers: Option<Vec<f32>> = values.iter().map(number).collect();
    numbers.filter(|numbers| numbers.len() == count).ok_or_else(|| match count {
        1 => format!("label {value} is not a number"),
        _ => format!("label {value} is neither a list of {count} numbers nor one of label names"),
    })
}

/// The place of a label, or why there is none of that name.
pub fn index(config: &Config, name: &str) -> Result<usize, String> {
    const SHOWN: usize = 8;
    config.label_index(name).ok_or_else(|| {
        let known = config.labels[..config.num_labels().min(SHOWN)].join(", ");
        let more = if config.num_labels() > SHOWN { ", ..." } else { "" };
        format!("no label is called {name:?}; there are {known}{more}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn config(fields: Value) -> Config {
        let mut config = json!({ "model_type": "bert", "id2label": { "0": "bad", "1": "fair", "2": "good" } });
        for (name, value) in fields.as_object().expect("an object") {
            config[name] = value.clone();
        }
        Config::new(config.to_string().as_bytes(), "config.json").expect("it is complete")
    }

    fn read(config: &Config, value: Value) -> Result<Label, String> {
        LabelReader::default().read(config, &value)
    }

    #[test]
    fn one_right_label() {
        let config = config(json!({ "problem_type": "single_label_classification" }));
        for (value, expected) in [(json!("good"), 2), (json!(1), 1), (json!(1.0), 1)] {
            assert_eq!(read(&config, value), Ok(Label::Class(expected)));
        }
        for wrong in [json!("great"), json!(3), json!(-1), json!(0.5), json!([1, 0, 0]), json!(true), json!({})] {
            assert!(read(&config, wrong.clone()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn several_right_labels() {
        let config = config(json!({ "problem_type": "multi_label_classification" }));
        let cases = [
            (json!(["bad", "good"]), [1.0, 0.0, 1.0]),
            (json!("fair"), [0.0, 1.0, 0.0]),
            (json!([]), [0.0; 3]),
            (json!([0, 0.5, 1]), [0.0, 0.5, 1.0]),
        ];
        for (value, expected) in cases {
            assert_eq!(read(&config, value), Ok(Label::Values(expected.into())));
        }
        for wrong in [json!(1), json!([1, 0]), json!(["great"]), json!([1, "good", 0]), json!([1e300, 0, 0])] {
            assert!(read(&config, wrong.clone()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_number() {
        let config = config(json!({ "id2label": { "0": "stars" }, "problem_type": null }));
        assert_eq!(read(&config, json!(4)), Ok(Label::Values(vec![4.0])));
        assert_eq!(read(&config, json!([-1.5])), Ok(Label::Values(vec![-1.5])));
        for wrong in [json!("stars"), json!([1, 2]), json!([]), json!(1e300)] {
            assert!(read(&config, wrong.clone()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_first_label_decides_where_the_configuration_does_not() {
        let config = config(json!({}));
        let mut labels = LabelReader::default();
        assert!(labels.read(&config, &json!([1, 2])).is_err());
        assert_eq!(labels.read(&config, &json!("bad")), Ok(Label::Class(0)));
        assert!(labels.read(&config, &json!([0, 1, 0])).is_err());
    }
}
