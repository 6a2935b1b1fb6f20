//! JSON whose objects keep their order: new tokens get their ids in it.

use std::fmt;

use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Number, Value};

/// A [`Value`] in the order of its file.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    /// Of a name that stands twice the last counts, in the place of the first, as in Python.
    Object(Vec<(String, Node)>),
}

impl Node {
    /// A field; null where it is absent, or where this is no object.
    pub(super) fn get(&self, name: &str) -> &Node {
        self.field(name).unwrap_or(&Node::Null)
    }

    /// A field, if there is one by this name, null or not.
    pub(super) fn field(&self, name: &str) -> Option<&Node> {
        self.fields().iter().find(|(other, _)| other == name).map(|(_, node)| node)
    }

    pub(super) fn fields(&self) -> &[(String, Node)] {
        match self {
            Node::Object(fields) => fields,
            _ => &[],
        }
    }

    pub(super) fn items(&self) -> &[Node] {
        match self {
            Node::List(items) => items,
            _ => &[],
        }
    }

    pub(super) fn as_str(&self) -> Option<&str> {
        match self {
            Node::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn as_bool(&self) -> Option<bool> {
        match self {
            Node::Bool(value) => Some(*value),
            _ => None,
        }
    }

    pub(super) fn as_f64(&self) -> Option<f64> {
        match self {
            Node::Number(number) => number.as_f64(),
            _ => None,
        }
    }

    pub(super) fn is_null(&self) -> bool {
        *self == Node::Null
    }

    pub(super) fn is_object(&self) -> bool {
        matches!(self, Node::Object(_))
    }
}

impl From<&Node> for Value {
    fn from(node: &Node) -> Value {
        match node {
            Node::Null => Value::Null,
            Node::Bool(value) => Value::Bool(*value),
            Node::Number(number) => Value::Number(number.clone()),
            Node::Text(text) => Value::String(text.clone()),
            Node::List(items) => items.iter().map(Value::from).collect(),
            Node::Object(fields) => fields.iter().map(|(name, node)| (name.clone(), Value::from(node))).collect(),
        }
    }
}

impl From<&Value> for Node {
    fn from(value: &Value) -> Node {
        match value {
            Value::Null => Node::Null,
            Value::Bool(value) => Node::Bool(*value),
            Value::Number(number) => Node::Number(number.clone()),
            Value::String(text) => Node::Text(text.clone()),
            Value::Array(items) => Node::List(items.iter().map(Node::from).collect()),
            Value::Object(fields) => {
                Node::Object(fields.iter().map(|(name, value)| (name.clone(), Node::from(value))).collect())
            }
        }
    }
}

/// As it may stand in an error: JSON, cut where it is long.
impl fmt::Display for Node {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Node::Null => formatter.write_str("null"),
            Node::Bool(value) => write!(formatter, "{value}"),
            Node::Number(number) => write!(formatter, "{number}"),
            Node::Text(text) if text.chars().count() > 60 => {
                write!(formatter, "{:?}...", text.chars().take(60).collect::<String>())
            }
            Node::Text(text) => write!(formatter, "{text:?}"),
            Node::List(items) => write!(formatter, "a list of {}", items.len()),
            Node::Object(fields) => write!(formatter, "an object of {} fields", fields.len()),
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Bool(value))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Node, E> {
        Ok(Node::Number(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Node, E> {
        Ok(Node::Number(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Node, E> {
        Ok(Number::from_f64(number).map_or(Node::Null, Node::Number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Node, E> {
        Ok(Node::Text(text.into()))
    }

    fn visit_string<E>(self, text: String) -> Result<Node, E> {
        Ok(Node::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Node::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut fields: Vec<(String, Node)> = Vec::new();
        let mut places = std::collections::HashMap::new();
        while let Some((name, node)) = map.next_entry::<String, Node>()? {
            let place = *places.entry(name.clone()).or_insert(fields.len());
            match fields.get_mut(place) {
                Some(field) => field.1 = node,
                None => fields.push((name, node)),
            }
        }
        Ok(Node::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_keep_their_order() {
        let node: Node = serde_json::from_str(r#"{"z": 1, "a": [null, true, -2, 1e30, "x"], "z": {"b": 2}}"#).unwrap();
        let names: Vec<&str> = node.fields().iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["z", "a"]);
        assert_eq!(node.get("z").get("b").as_f64(), Some(2.0));
        assert_eq!(node.get("a").items().len(), 5);
        assert!(node.get("absent").is_null() && node.field("absent").is_none());
        assert_eq!(Node::from(&serde_json::json!({"z": 1})).get("z").as_f64(), Some(1.0));
    }
}
