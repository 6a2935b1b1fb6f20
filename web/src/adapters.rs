//! Which adapter answers, and what a page is told of it.

use crate::arguments::Wanted;
use serde_json::{Value, json};
use wgbert::models::Model;
use wgbert::{Adapter, Checked, Classifier, Error, Precision};

/// Parameters that are multiplied for every token up to which the CPU twins answer unless somebody asks for them: MiniLM has 11 million,
/// BERT-base 85.
const SMALL: usize = 25_000_000;

/// What is multiplied for every token.
fn parameters(model: &Model) -> usize {
    let all: usize = model.weights().into_iter().map(|weight| weight.rows * weight.columns).sum();
    let tables: usize = model.embeddings.tables().map(|table| table.rows * table.columns).sum();
    all.saturating_sub(tables)
}

/// The adapter to open at first, and why it is no GPU where it is none. `Auto` takes no software adapter: the CPU twins are faster than
/// any.
///
/// # Errors
/// [`Error::NoAdapter`] where one was asked for.
pub async fn choose(wanted: Wanted) -> Result<(Adapter, Option<String>), Error> {
    if wanted == Wanted::Cpu {
        return Ok((Adapter::Reference, None));
    }
    match Adapter::list(None).await {
        Ok(list) => match list.iter().find(|adapter| adapter.kind == "Cpu") {
            Some(software) if wanted == Wanted::Auto => {
                let note =
                    format!("the only adapter, {}, is software, which is slower than the CPU itself", software.name);
                Ok((Adapter::Reference, Some(note)))
            }
            _ => Ok((Adapter::Best, None)),
        },
        Err(Error::NoAdapter { looked }) if wanted == Wanted::Auto => Ok((Adapter::Reference, Some(looked))),
        Err(error) => Err(error),
    }
}

/// Numbers as an adapter stores them: the CPU twins have f32 only, which answers at least as exactly.
pub fn precision(adapter: &Adapter, wanted: Wanted, asked: Precision) -> Precision {
    match (adapter, wanted, asked) {
        (Adapter::Reference, Wanted::Auto, _) => Precision::F32,
        (_, _, asked) => asked,
    }
}

/// Whether the CPU may answer for a GPU.
///
/// # Errors
/// Where the model is large, with what can be done.
pub fn may_use_cpu(model: &Model, note: &str) -> Result<(), Error> {
    let parameters = parameters(model);
    if parameters <= SMALL {
        return Ok(());
    }
    let message = format!(
        "{note}; the CPU could answer, but the model multiplies {} million parameters for every token, which takes it seconds a text: \
         ask for it by the option adapter: 'cpu', for WebGPU whatever it is by adapter: 'webgpu', or take a smaller model",
        parameters / 1_000_000
    );
    Err(Error::Request { message })
}

/// What a page is told.
pub fn describe(classifier: &Classifier, note: Option<&str>) -> Value {
    let gpu = classifier.gpu();
    let (check, used) = match classifier.checked() {
        Checked::Reference => ("none", None),
        Checked::Never => ("off", None),
        Checked::Passed { used } => ("passed", Some(used)),
        _ => ("pending", None),
    };
    json!({
        "name": if gpu.is_some() { classifier.adapter() } else { "CPU" },
        "kind": if gpu.is_some() { "webgpu" } else { "cpu" },
        "software": gpu.is_some_and(|gpu| gpu.capabilities.cpu),
        "selfCheck": check,
        "used": used,
        "note": note,
    })
}
