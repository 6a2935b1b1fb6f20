//! Labels of a data set -> those of the model.

use super::{EvaluationError, Expected};
use crate::checkpoint::ProblemType;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

/// Labels that an error lists.
const LISTED: usize = 20;
/// Unknown labels that are remembered: a column of texts in the place of labels has no end of them.
const REMEMBERED: usize = 1000;

/// Finds the model's label for what a data set says is right.
///
/// A label of the data is, in this order:
/// 1. what a mapping makes of it;
/// 2. the model's label of that name;
/// 3. the model's label with that index, if it is a whole number;
/// 4. the only label whose name is the same but for upper and lower case.
///
/// A whole number could be a name or an index where the model's names are whole numbers, but not their own indices: text is the
/// name there, and a number is refused until a mapping says which.
///
/// Several labels of the data may be one of the model's, and one may be none of them ([`LabelMap::leaves_out`]).
///
/// ```
/// use wgbert::evaluation::{Expected, LabelMap};
///
/// let labels = ["negative".to_string(), "positive".to_string()];
/// let mut map = LabelMap::new(&labels, wgbert::ProblemType::SingleLabel);
/// map.add("pos=positive")?;
/// assert_eq!(map.expected(&"pos".into())?, Expected::Label(1));
/// assert_eq!(map.expected(&"Negative".into())?, Expected::Label(0));
/// assert_eq!(map.expected(&1.into())?, Expected::Label(1));
/// assert!(map.expected(&"neutral".into()).is_err());
/// assert!(map.check().unwrap_err().to_string().contains("neutral"));
/// # Ok::<(), wgbert::evaluation::EvaluationError>(())
/// ```
#[derive(Clone, Debug)]
pub struct LabelMap {
    labels: Vec<String>,
    problem_type: ProblemType,
    /// Labels of the data, and the indices of those of the model, where they are any.
    given: BTreeMap<String, Option<usize>>,
    /// Whether whole numbers are names of labels, but not those that they are the indices of.
    numbered: bool,
    /// Labels of the data so far that are one of the model's.
    known: BTreeSet<String>,
    /// And that are none.
    lacking: BTreeSet<String>,
}

impl LabelMap {
    /// A map without mappings, to a model with these labels.
    pub fn new(labels: &[String], problem_type: ProblemType) -> LabelMap {
        let other = |(index, name): (usize, &String)| whole(name).is_some_and(|number| number != index);
        LabelMap {
            labels: labels.to_vec(),
            problem_type,
            given: BTreeMap::new(),
            numbered: labels.iter().enumerate().any(other),
            known: BTreeSet::new(),
            lacking: BTreeSet::new(),
        }
    }

    /// Takes a mapping, `DATA=MODEL`, parted at the first `=`, or the path of a JSON file with an object of them, which ends in
    /// `.json`. The model's label is named, or its index is given; nothing (`DATA=`, or null in a file) says that it is none of them.
    ///
    /// # Errors
    /// [`EvaluationError::Mapping`] where it is neither, the model has no such label, its answers are values, or the label of
    /// the data is another by a mapping before; [`EvaluationError::File`].
    pub fn add(&mut self, mapping: &str) -> Result<(), EvaluationError> {
        let wrong = |message: String| EvaluationError::Mapping { mapping: mapping.into(), message };
        if Path::new(mapping).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json")) {
            let text = std::fs::read(mapping)
                .map_err(|source| EvaluationError::File { path: mapping.into(), source: Arc::new(source) })?;
            let fields: BTreeMap<String, Value> = serde_json::from_slice(&text)
                .map_err(|error| wrong(format!("this is no JSON object of labels: {error}")))?;
            for (data, model) in &fields {
                let model = match model {
                    Value::Null => String::new(),
                    _ => {
                        name(model).ok_or_else(|| wrong(format!("{data:?} is {}, which is no label", shown(model))))?
                    }
                };
                self.insert(data, &model).map_err(wrong)?;
            }
            return Ok(());
        }
        let (data, model) = mapping.split_once('=').ok_or_else(|| {
            wrong(
                "this is neither DATA=MODEL, a label of the data and one of the model's, nor a file that ends in .json"
                    .into(),
            )
        })?;
        self.insert(data.trim(), model.trim()).map_err(wrong)
    }

    fn insert(&mut self, data: &str, model: &str) -> Result<(), String> {
        if self.problem_type == ProblemType::Regression {
            return Err("the model's answers are values, which have no labels to map".into());
        }
        let index = self.exact(model).or_else(|| whole(model).filter(|index| *index < self.labels.len()));
        let index = index.or_else(|| self.alike(model));
        if index.is_none() && !model.is_empty() {
            return Err(format!("the model has no label {model:?}; there are {}", listed(self.labels.iter())));
        }
        match self.given.insert(data.into(), index) {
            Some(before) if before != index => {
                let [before, index] =
                    [before, index].map(|index| index.map_or("none".into(), |index| quoted(&self.labels[index])));
                Err(format!("{data:?} is both {before} and {index}"))
            }
            _ => Ok(()),
        }
    }

    /// Whether a mapping says of a row's label, or of one of several, that it is none of the model's: what is right for the row, the
    /// model cannot answer.
    pub fn leaves_out(&mut self, label: &Value) -> bool {
        let labels = match label {
            Value::Array(labels) => labels.as_slice(),
            one => std::slice::from_ref(one),
        };
        let mut any = false;
        for name in labels.iter().filter_map(name).filter(|name| self.given.get(name) == Some(&None)) {
            any = true;
            self.known.insert(name);
        }
        any
    }

    /// What is right for a row, by its label in the data: a name or an index where one label is right; a list of them, one
    /// alone, or a list of zeros and ones or of true and false, one a label, where several may be; a number or a list of one an
    /// output where the answer is values. A list of as many zeros and ones as there are labels is not one of indices.
    ///
    /// # Errors
    /// [`EvaluationError::Label`], which names the label, and the model's.
    pub fn expected(&mut self, label: &Value) -> Result<Expected, EvaluationError> {
        let found = match self.problem_type {
            ProblemType::SingleLabel => self.index(label).map(Expected::Label),
            ProblemType::MultiLabel => self.flags(label).map(Expected::Labels),
            ProblemType::Regression => self.values(label).map(Expected::Values),
        };
        found.map_err(|message| EvaluationError::Label { message })
    }

    /// Whether all labels so far are the model's, which one can know when every row was read.
    ///
    /// # Errors
    /// [`EvaluationError::Labels`], which names the labels of both.
    pub fn check(&self) -> Result<(), EvaluationError> {
        let Some(first) = self.lacking.first() else { return Ok(()) };
        Err(EvaluationError::Labels {
            lacking: listed(self.lacking.iter()),
            data: listed(self.lacking.union(&self.known)),
            model: listed(self.labels.iter()),
            example: format!("{first}={}", self.labels.first().map_or("", String::as_str)),
        })
    }

    /// Labels that mappings name and no row so far had: perhaps a slip of the pen.
    pub fn unused(&self) -> impl Iterator<Item = &str> {
        self.given.keys().filter(|label| !self.known.contains(*label)).map(String::as_str)
    }

    fn index(&mut self, label: &Value) -> Result<usize, String> {
        let Some(name) = name(label) else {
            return Err(format!("label {} is neither a name nor a whole number", shown(label)));
        };
        let found = self.find(&name, label.is_number());
        let list = if found.is_ok() { &mut self.known } else { &mut self.lacking };
        if list.len() < REMEMBERED && !list.contains(&name) {
            list.insert(name);
        }
        found
    }

    fn find(&self, name: &str, number: bool) -> Result<usize, String> {
        if let Some(index) = self.given.get(name) {
            return index.ok_or_else(|| format!("a mapping says that {} is no label of the model's", quoted(name)));
        }
        if number && self.numbered {
            return Err(format!(
                "label {name} is a number, and the model's labels have numbers for names: a mapping must say which is meant; there \
                 are {}",
                listed(self.labels.iter())
            ));
        }
        let index = || whole(name).filter(|index| *index < self.labels.len() && !self.numbered);
        let found = self.exact(name).or_else(index).or_else(|| self.alike(name));
        found.ok_or_else(|| format!("no label is called {}; there are {}", quoted(name), listed(self.labels.iter())))
    }

    fn exact(&self, name: &str) -> Option<usize> {
        self.labels.iter().position(|label| label == name)
    }

    /// The only label that is the same but for case, by mappings and names.
    fn alike(&self, name: &str) -> Option<usize> {
        let folded = name.trim().to_lowercase();
        let given =
            self.given.iter().filter(|(label, _)| label.to_lowercase() == folded).filter_map(|(_, index)| *index);
        let named = self.labels.iter().enumerate().filter(|(_, label)| label.to_lowercase() == folded);
        let mut indices: Vec<usize> = given.chain(named.map(|(index, _)| index)).collect();
        indices.dedup();
        match indices[..] {
            [index] => Some(index),
            _ => None,
        }
    }

    fn flags(&mut self, label: &Value) -> Result<Vec<bool>, String> {
        let count = self.labels.len();
        let labels = match label {
            Value::Array(values) => values.as_slice(),
            one => std::slice::from_ref(one),
        };
        let flag = |value: &Value| match value {
            Value::Bool(flag) => Some(*flag),
            Value::Number(number) => [(0.0, false), (1.0, true)]
                .into_iter()
                .find_map(|(bit, flag)| (number.as_f64() == Some(bit)).then_some(flag)),
            _ => None,
        };
        if label.is_array()
            && labels.len() == count
            && let Some(flags) = labels.iter().map(flag).collect()
        {
            return Ok(flags);
        }
        let mut flags = vec![false; count];
        for label in labels {
            flags[self.index(label)?] = true;
        }
        Ok(flags)
    }

    fn values(&self, label: &Value) -> Result<Vec<f64>, String> {
        let count = self.labels.len();
        let values = match label {
            Value::Array(values) => values.as_slice(),
            one => std::slice::from_ref(one),
        };
        let number = |value: &Value| match value {
            Value::Number(number) => number.as_f64().filter(|number| number.is_finite()),
            Value::String(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
            _ => None,
        };
        let numbers: Option<Vec<f64>> = values.iter().map(number).collect();
        numbers.filter(|numbers| numbers.len() == count).ok_or_else(|| match count {
            1 => format!("label {} is not a number", shown(label)),
            _ => format!("label {} is not a list of {count} numbers", shown(label)),
        })
    }
}

/// What a label is called: its text, or its whole number in digits, which pandas writes as 1.0 where a column has gaps.
fn name(label: &Value) -> Option<String> {
    match label {
        Value::String(name) => Some(name.clone()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Number(number) => {
            let exact = |number: &f64| number.fract() == 0.0 && number.abs() < 9e15;
            number.as_f64().filter(exact).map(|number| (number as i64).to_string())
        }
        _ => None,
    }
}

/// The number that a name is the digits of, as numbers are written.
fn whole(name: &str) -> Option<usize> {
    name.parse().ok().filter(|number: &usize| number.to_string() == name)
}

/// A value as an error shows it.
fn shown(value: &Value) -> String {
    super::mistakes::cut(&value.to_string(), 80)
}

fn quoted(name: &str) -> String {
    format!("{:?}", super::mistakes::cut(name, 80))
}

fn listed<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let names: Vec<&String> = names.collect();
    let mut list = names.iter().take(LISTED).map(|name| quoted(name)).collect::<Vec<_>>().join(", ");
    if names.len() > LISTED {
        list += &format!(" and {} more", names.len() - LISTED);
    }
    list
}

#[cfg(test)]
#[path = "label_map_tests.rs"]
mod tests;
