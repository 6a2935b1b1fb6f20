//! What moved the answers to many rows, as a page.

use super::super::explain_arguments::PartName;
use super::super::moved::{Moved, Mover};
use crate::output::{page, round};
use serde_json::{Value, json};

/// Parts of a label that a page lists: more would be read by nobody.
const MOST_PARTS: usize = 300;

/// The page of the parts that moved the answers, which `model` gave on `adapter`.
pub fn of_rows(moved: &Moved, by: PartName, labels: &[String], model: &str, adapter: &str) -> String {
    let mut left = vec![MOST_PARTS; labels.len()];
    let mut shown = |mover: &Mover<'_>| {
        left[mover.label] = left[mover.label].checked_sub(1)?;
        Some(json!([mover.part, mover.label, mover.rows, round(mover.mean()), round(mover.total)]))
    };
    let movers: Vec<Value> = moved.movers().iter().filter_map(&mut shown).collect();
    let moved = json!({ "by": by.plural(), "rows": moved.rows, "labels": labels, "movers": movers });
    page(&json!({ "model": model, "adapter": adapter, "items": [], "moved": moved }))
}
