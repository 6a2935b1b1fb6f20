//! Explanations as a page: one file that fetches nothing. Its script draws what stands in it as JSON.

use super::{Array, ExplainedPart, Explanation};
use serde_json::{Value, json};

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
/// Numbers that the attention of a text may take: a page of 128 tokens is to have less than a megabyte.
const MOST_NUMBERS: usize = 160_000;

impl Explanation {
    /// The page. `label` is the one that is shown first, of each text its best by default; the texts are answered by `model` on
    /// `adapter`.
    pub fn page(explanations: &[Explanation], label: Option<usize>, model: &str, adapter: &str) -> String {
        let items: Vec<Value> = explanations.iter().map(|explanation| explanation.item(label)).collect();
        page(&json!({ "model": model, "adapter": adapter, "items": items }))
    }

    /// What `page.js` draws of it, with so many digits as are shown.
    pub fn item(&self, label: Option<usize>) -> Value {
        let parts = |parts: &[ExplainedPart]| -> Vec<Value> {
            let part = |part: &ExplainedPart| {
                let effects = rounded(&part.without.effects);
                json!({ "text": part.text, "index": part.index, "place": part.place, "effects": effects })
            };
            parts.iter().map(part).collect()
        };
        let tokens = self.tokens.iter().filter_map(|token| {
            let effects = rounded(&token.without.as_ref()?.effects);
            Some(json!({ "text": token.token, "effects": effects }))
        });
        let names: Vec<&str> = self.tokens.iter().map(|token| token.token.as_str()).collect();
        json!({
            "labels": self.labels, "label": label.or(self.argmax).unwrap_or(0), "scores": rounded(&self.scores),
            "truncated": self.truncated, "texts": self.texts, "words": parts(&self.words),
            "sentences": parts(&self.sentences), "tokens": tokens.collect::<Vec<_>>(),
            "attention": self.attentions.as_ref().map(|attentions| attention(attentions, &names)),
        })
    }
}

/// The page that `page.html` makes of its data: `model`, `adapter`, `items`, and what `moved` the answers to many rows.
pub(crate) fn page(data: &Value) -> String {
    // Nothing of it can end the element that it stands in.
    let data = data.to_string().replace('<', "\\u003c");
    PAGE.replace("{{STYLE}}", STYLE).replace("{{SCRIPT}}", SCRIPT).replace("{{DATA}}", &data)
}

/// What each token reads most, by head, by layer and through all layers.
fn attention(attentions: &Array, tokens: &[&str]) -> Value {
    let [layers, heads, length, _] = attentions.shape[..] else { unreachable!("attentions have four axes") };
    let square = length * length;
    let head = |layer: usize, head: usize| &attentions.values[(layer * heads + head) * square..][..square];
    let mean = |layer: usize| -> Vec<f32> {
        (0..square).map(|at| (0..heads).map(|number| head(layer, number)[at]).sum::<f32>() / heads as f32).collect()
    };
    let means: Vec<Vec<f32>> = (0..layers).map(mean).collect();
    let rows = length * (layers * (heads + 1) + 1);
    let shown = (MOST_NUMBERS / (2 * rows).max(1)).clamp(1, length.max(1));
    let map = |values: &[f32]| values.chunks(length.max(1)).map(|row| strongest(row, shown)).collect::<Vec<_>>();
    let of_heads = |layer: usize| (0..heads).map(|number| map(head(layer, number))).collect::<Vec<_>>();
    json!({
        "layers": layers, "heads": heads, "tokens": tokens,
        "maps": {
            "rollout": map(&rollout(&means, length)),
            "means": means.iter().map(|mean| map(mean)).collect::<Vec<_>>(),
            "heads": (0..layers).map(of_heads).collect::<Vec<_>>(),
        },
    })
}

/// The largest numbers of a row, each behind its place, in thousandths.
fn strongest(row: &[f32], shown: usize) -> Vec<u32> {
    let mut order: Vec<usize> = (0..row.len()).collect();
    order.sort_by(|&a, &b| row[b].total_cmp(&row[a]));
    order.truncate(shown);
    order.into_iter().flat_map(|place| [place as u32, (row[place] * 1e3).round() as u32]).collect()
}

/// Attention through all layers: the product of their means, each half of what passes it by (Abnar and Zuidema, 2020). `[tokens, tokens]`.
fn rollout(means: &[Vec<f32>], length: usize) -> Vec<f32> {
    let mut through: Vec<f32> =
        (0..length * length).map(|at| f32::from(u8::from(at / length.max(1) == at % length.max(1)))).collect();
    for mean in means {
        let mut next = vec![0.0; length * length];
        for row in 0..length {
            for inner in 0..length {
                let share = 0.5 * mean[row * length + inner] + if row == inner { 0.5 } else { 0.0 };
                for column in 0..length {
                    next[row * length + column] += share * through[inner * length + column];
                }
            }
        }
        through = next;
    }
    through
}

/// As many digits as are shown.
fn rounded(values: &[f32]) -> Vec<f64> {
    values.iter().map(|value| round(f64::from(*value))).collect()
}

pub(crate) fn round(value: f64) -> f64 {
    (value * 1e5).round() / 1e5
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attention_goes_through_all_layers() {
        // Of two tokens each reads the other: what passes by is half.
        let crossed = vec![0.0, 1.0, 1.0, 0.0];
        assert_eq!(rollout(std::slice::from_ref(&crossed), 2), [0.5; 4]);
        assert_eq!(rollout(&[vec![1.0, 0.0, 1.0, 0.0], crossed], 2), [0.75, 0.25, 0.75, 0.25]);
        assert_eq!(rollout(&[], 2), [1.0, 0.0, 0.0, 1.0]);
        assert_eq!(strongest(&[0.1, 0.7, 0.2], 2), [1, 700, 2, 200]);
    }
}
