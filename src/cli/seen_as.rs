//! `--as FILE`: kernels chosen as for another adapter, of what `wgbert adapters --format json` wrote there.

use crate::ir::Capabilities;
use serde_json::{Map, Value};
use std::fs;
use std::str::FromStr;

/// What the other adapter offers.
#[derive(Clone, Debug)]
pub struct SeenAs(pub Capabilities);

impl FromStr for SeenAs {
    type Err = String;

    /// A file, and behind a `#` which adapter of its list: by index, or by a part of its name.
    ///
    /// # Errors
    /// A message that names the file, and the field that is wrong.
    fn from_str(argument: &str) -> Result<SeenAs, String> {
        let (path, choice) = match fs::exists(argument) {
            Ok(true) => (argument, None),
            _ => argument.rsplit_once('#').map_or((argument, None), |(path, choice)| (path, Some(choice))),
        };
        let text = fs::read(path).map_err(|error| format!("cannot read {path}: {error}"))?;
        let document: Value = serde_json::from_slice(&text).map_err(|error| format!("{path} is no JSON: {error}"))?;
        adapter(&document, choice).and_then(capabilities).map(SeenAs).map_err(|message| format!("{path}: {message}"))
    }
}

/// The adapter that is meant.
fn adapter<'a>(document: &'a Value, choice: Option<&str>) -> Result<&'a Map<String, Value>, String> {
    let adapters = match document {
        Value::Array(adapters) => &adapters[..],
        one => std::slice::from_ref(one),
    };
    let name = |adapter: &Value| adapter["name"].as_str().unwrap_or_default().to_string();
    let listed =
        || adapters.iter().enumerate().map(|(i, a)| format!("{i}: {}", name(a))).collect::<Vec<_>>().join("; ");
    let found = match choice {
        None if adapters.len() == 1 => adapters.first(),
        None => {
            return Err(format!(
                "has {} adapters: put # and a name or an index behind it ({})",
                adapters.len(),
                listed()
            ));
        }
        Some(choice) => match choice.parse::<usize>() {
            Ok(index) => adapters.get(index),
            Err(_) => adapters.iter().find(|adapter| name(adapter).to_lowercase().contains(&choice.to_lowercase())),
        },
    };
    let found =
        found.ok_or_else(|| format!("has no adapter {:?}; there are: {}", choice.unwrap_or_default(), listed()))?;
    found.as_object().ok_or_else(|| "is neither an adapter of wgbert adapters --format json nor a list of them".into())
}

/// What an adapter offers, field by field, so that a wrong one is named.
fn capabilities(adapter: &Map<String, Value>) -> Result<Capabilities, String> {
    const FIELD: &str = "capabilities";
    let given = adapter.get(FIELD).and_then(Value::as_object);
    let given = given.ok_or_else(|| format!("has no field {FIELD}, as wgbert adapters --format json writes it"))?;
    let least = Capabilities::minimum();
    let mut all = serde_json::to_value(&least).expect("numbers have a JSON form");
    let fields = all.as_object_mut().expect("a struct is an object");
    for name in fields.keys().cloned().collect::<Vec<_>>() {
        let value = given.get(&name).ok_or_else(|| format!("has no field {FIELD}.{name}"))?;
        let mut one = fields.clone();
        one.insert(name.clone(), value.clone());
        serde_json::from_value::<Capabilities>(Value::Object(one.clone()))
            .map_err(|error| format!("{FIELD}.{name}: {error}"))?;
        *fields = one;
    }
    let given: Capabilities = serde_json::from_value(all).expect("each field is one");
    let wrong = |name: &str, message: String| Err(format!("{FIELD}.{name}: {message}"));
    if let Some((least, most)) = given.subgroup
        && (!least.is_power_of_two() || !most.is_power_of_two() || least > most || most > 128)
    {
        return wrong("subgroup", format!("{least} to {most} are no sizes of subgroups"));
    }
    if let Some(edge) = given.cooperative_matrix_size.filter(|edge| ![8, 16].contains(edge)) {
        return wrong("cooperative_matrix_size", format!("{edge} is neither 8 nor 16"));
    }
    let limits = [
        ("max_binding", given.max_binding, least.max_binding),
        ("max_buffer", given.max_buffer, least.max_buffer),
        ("max_workgroups", given.max_workgroups.into(), least.max_workgroups.into()),
        ("workgroup_memory", given.workgroup_memory.into(), least.workgroup_memory.into()),
        ("workgroup_size", given.workgroup_size.into(), least.workgroup_size.into()),
    ];
    // Some are a few bytes below a power of two.
    match limits.into_iter().find(|(_, given, least)| given.saturating_add(16) < *least) {
        Some((name, given, least)) => wrong(name, format!("{given} is less than any adapter's {least}")),
        None => Ok(given),
    }
}
