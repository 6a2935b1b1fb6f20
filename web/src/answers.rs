//! Answers as JavaScript has them: numbers in typed arrays.

use js_sys::{Array, Float32Array, Int32Array, Object, Reflect, Uint8Array, Uint32Array};
use serde_json::{Value, json};
use wasm_bindgen::JsValue;
use wgbert::{Aggregation, EntityKind, SequenceClassifierOutput, TokenClassifierOutput};

fn set(object: &Object, name: &str, value: impl Into<JsValue>) {
    // Of a plain object this cannot fail.
    let _ = Reflect::set(object, &name.into(), &value.into());
}

fn array(array: &wgbert::Array) -> Object {
    let object = Object::new();
    set(&object, "shape", array.shape.iter().map(|size| JsValue::from(*size as f64)).collect::<Array>());
    set(&object, "values", Float32Array::from(array.values.as_slice()));
    object
}

fn arrays(arrays: &[wgbert::Array]) -> Array {
    arrays.iter().map(array).collect()
}

/// What the calls of the engine answered to the texts of one call, in their order.
#[derive(Default)]
pub struct Collected(Vec<SequenceClassifierOutput>);

impl Collected {
    pub fn add(&mut self, output: SequenceClassifierOutput) {
        self.0.push(output);
    }

    /// The fields of the library's output, those of one call; `top` are the best labels of each text with their scores.
    pub fn finish(self, labels: usize, top: usize) -> Object {
        let object = Object::new();
        let all = |field: &dyn Fn(&SequenceClassifierOutput) -> Vec<f32>| -> Float32Array {
            let values: Vec<f32> = self.0.iter().flat_map(field).collect();
            Float32Array::from(values.as_slice())
        };
        let counts = |field: &dyn Fn(&SequenceClassifierOutput) -> &[usize]| -> Uint32Array {
            let values: Vec<u32> = self.0.iter().flat_map(field).map(|count| *count as u32).collect();
            Uint32Array::from(values.as_slice())
        };
        let texts: usize = self.0.iter().map(SequenceClassifierOutput::len).sum();
        set(&object, "shape", Array::of2(&(texts as f64).into(), &(labels as f64).into()));
        set(&object, "logits", all(&|output| output.logits.values.clone()));
        // A rule of the model's: all calls have them, or none.
        let probabilities = self.0.iter().all(|output| output.probabilities.is_some());
        match probabilities {
            true => {
                set(&object, "probabilities", all(&|output| output.probabilities.clone().unwrap_or_default().values))
            }
            false => set(&object, "probabilities", JsValue::NULL),
        }
        let argmax: Vec<i32> =
            self.0.iter().flat_map(|output| &output.argmax).map(|best| best.map_or(-1, |best| best as i32)).collect();
        set(&object, "argmax", Int32Array::from(argmax.as_slice()));
        set(&object, "tokens", counts(&|output| &output.tokens));
        set(&object, "untruncated", counts(&|output| &output.untruncated));
        set(&object, "windows", counts(&|output| &output.windows));
        let truncated: Vec<u8> = self.0.iter().flat_map(|output| &output.truncated).map(|cut| u8::from(*cut)).collect();
        set(&object, "truncated", Uint8Array::from(truncated.as_slice()));
        if top > 0 {
            let best: Vec<Value> =
                self.0.iter().flat_map(SequenceClassifierOutput::texts).map(|text| best(text, top)).collect();
            set(&object, "top", Value::from(best).to_string());
        }
        let of_texts = |field: &dyn Fn(&SequenceClassifierOutput) -> Option<&Vec<wgbert::Array>>| -> Option<Array> {
            let all: Option<Vec<&Vec<wgbert::Array>>> = self.0.iter().map(field).collect();
            all.filter(|all| !all.is_empty())
                .map(|all| all.into_iter().flat_map(|each| arrays(each).iter().collect::<Vec<_>>()).collect())
        };
        if let Some(states) = of_texts(&|output| output.hidden_states.as_ref()) {
            set(&object, "hiddenStates", states);
        }
        if let Some(attentions) = of_texts(&|output| output.attentions.as_ref()) {
            set(&object, "attentions", attentions);
        }
        if self.0.iter().any(|output| output.pooled_output.is_some()) {
            set(&object, "pooledOutput", all(&|output| output.pooled_output.clone().unwrap_or_default().values));
        }
        object
    }
}

fn best(text: wgbert::Classification<'_>, top: usize) -> Value {
    text.top(top).into_iter().map(|(label, score)| json!({ "label": label, "score": score })).collect()
}

/// The entities of each text, as transformers' pipeline names their fields.
///
/// # Errors
/// Those of [`wgbert::TokenClassification::entities`].
pub fn entities(output: &TokenClassifierOutput, aggregation: Aggregation) -> wgbert::Result<Vec<Value>> {
    let of_text = |text: wgbert::TokenClassification<'_>| -> wgbert::Result<Value> {
        let entity = |entity: wgbert::Entity| {
            let mut value = match &entity.kind {
                EntityKind::Token { label, index } => json!({ "entity": label, "index": index }),
                EntityKind::Group(label) => json!({ "entity_group": label }),
            };
            value["score"] = entity.score.into();
            value["word"] = entity.word.into();
            value["start"] = entity.offsets.as_ref().map(|place| place.start).into();
            value["end"] = entity.offsets.as_ref().map(|place| place.end).into();
            value
        };
        Ok(text.entities(aggregation)?.into_iter().map(entity).collect())
    };
    output.texts().map(of_text).collect()
}
