//! JSON as a tree whose leaves are text: what is written need not be JSON (`NaN`, 400 digits), and a key may come twice.

use super::fragments::{NUMBERS, SCALARS, STRINGS};
use super::random::Random;

#[derive(Clone, Debug)]
pub enum Node {
    /// A scalar, as it stands in the file; or anything else that is to stand there.
    Raw(String),
    Array(Vec<Node>),
    Object(Vec<(String, Node)>),
}

impl Node {
    /// The tree of a document that is JSON.
    pub fn parse(bytes: &[u8]) -> Node {
        fn convert(value: serde_json::Value) -> Node {
            match value {
                serde_json::Value::Array(elements) => Node::Array(elements.into_iter().map(convert).collect()),
                serde_json::Value::Object(entries) => {
                    Node::Object(entries.into_iter().map(|(key, value)| (key, convert(value))).collect())
                }
                scalar => Node::Raw(scalar.to_string()),
            }
        }
        convert(serde_json::from_slice(bytes).expect("the file that is mutated is JSON"))
    }

    pub fn string(text: &str) -> Node {
        Node::Raw(serde_json::Value::from(text).to_string())
    }

    pub fn text(&self) -> String {
        let mut text = String::new();
        self.write(&mut text);
        text
    }

    fn write(&self, text: &mut String) {
        match self {
            Node::Raw(scalar) => text.push_str(scalar),
            Node::Array(elements) => {
                text.push('[');
                for (place, element) in elements.iter().enumerate() {
                    text.push_str(if place > 0 { "," } else { "" });
                    element.write(text);
                }
                text.push(']');
            }
            Node::Object(entries) => {
                text.push('{');
                for (place, (key, value)) in entries.iter().enumerate() {
                    text.push_str(if place > 0 { "," } else { "" });
                    text.push_str(&serde_json::Value::from(key.as_str()).to_string());
                    text.push(':');
                    value.write(text);
                }
                text.push('}');
            }
        }
    }

    fn children(&self) -> usize {
        match self {
            Node::Raw(_) => 0,
            Node::Array(elements) => elements.len(),
            Node::Object(entries) => entries.len(),
        }
    }

    fn child(&mut self, place: usize) -> &mut Node {
        match self {
            Node::Raw(_) => unreachable!("a scalar has no children"),
            Node::Array(elements) => &mut elements[place],
            Node::Object(entries) => &mut entries[place].1,
        }
    }

    /// A node somewhere below, by a walk that is as likely to enter a small branch as a vocabulary.
    fn somewhere(&mut self, random: &mut Random) -> &mut Node {
        let count = self.children();
        if count == 0 || random.once_in(6) {
            return self;
        }
        self.child(random.below(count)).somewhere(random)
    }

    /// An array or object somewhere below that is not empty.
    fn parent(&mut self, random: &mut Random) -> Option<&mut Node> {
        let count = self.children();
        if count == 0 {
            return None;
        }
        let inner: Vec<usize> = (0..count).filter(|&place| self.child(place).children() > 0).collect();
        if inner.is_empty() || random.once_in(4) {
            return Some(self);
        }
        self.child(*random.pick(&inner)).parent(random)
    }

    fn remove(&mut self, place: usize) {
        match self {
            Node::Raw(_) => {}
            Node::Array(elements) => drop(elements.remove(place)),
            Node::Object(entries) => drop(entries.remove(place)),
        }
    }

    fn repeat(&mut self, place: usize, times: usize) {
        match self {
            Node::Raw(_) => {}
            Node::Array(elements) => {
                let element = elements[place].clone();
                elements.extend(std::iter::repeat_n(element, times));
            }
            Node::Object(entries) => {
                let entry = entries[place].clone();
                entries.extend(std::iter::repeat_n(entry, times));
            }
        }
    }

    fn swap(&mut self, place: usize, other: usize) {
        match self {
            Node::Raw(_) => {}
            Node::Array(elements) => elements.swap(place, other),
            // The values only: the order of the keys means nothing.
            Node::Object(entries) => {
                let value = entries[place].1.clone();
                entries[place].1 = std::mem::replace(&mut entries[other].1, value);
            }
        }
    }
}

/// Changes the tree once. `fragments` are what this kind of file is made of, beside what it holds already.
pub fn mutate(tree: &mut Node, random: &mut Random, fragments: &[Node]) {
    match random.below(14) {
        0 | 1 => *tree.somewhere(random) = Node::Raw((*random.pick(NUMBERS)).into()),
        2 => *tree.somewhere(random) = Node::Raw((*random.pick(SCALARS)).into()),
        3 | 4 if !fragments.is_empty() => *tree.somewhere(random) = random.pick(fragments).clone(),
        3..=5 => {
            // A piece of the file in the place of another.
            let piece = tree.somewhere(random).clone();
            *tree.somewhere(random) = piece;
        }
        6 => *tree.somewhere(random) = Node::string(&string(random)),
        7 => {
            let node = tree.somewhere(random);
            let depth = random.size(1 << 10);
            let [open, close] =
                *random.pick(&[["[", "]"], ["{\"a\":", "}"], ["{\"type\":\"Sequence\",\"normalizers\":[", "]}"]]);
            *node = Node::Raw(open.repeat(depth) + &node.text() + &close.repeat(depth));
        }
        8 | 9 => {
            let node = tree.somewhere(random);
            if let Node::Raw(scalar) = node {
                *scalar = nearby(scalar, random);
            }
        }
        change => {
            let Some(parent) = tree.parent(random) else {
                return;
            };
            let count = parent.children();
            let place = random.below(count);
            match change {
                10 => parent.remove(place),
                11 => parent.repeat(place, if random.once_in(4) { random.size(1 << 8) } else { 1 }),
                12 => parent.swap(place, random.below(count)),
                _ => {
                    if let Node::Object(entries) = parent {
                        entries[place].0 =
                            if random.once_in(2) { string(random) } else { random.pick(entries).0.clone() };
                    }
                }
            }
        }
    }
}

fn string(random: &mut Random) -> String {
    let piece = *random.pick(STRINGS);
    if random.once_in(4) { piece.repeat(random.size(1 << 14)) } else { piece.into() }
}

/// A scalar of the same type close to this one.
fn nearby(scalar: &str, random: &mut Random) -> String {
    if let Ok(number) = scalar.parse::<i64>() {
        let changed = match random.below(6) {
            0 => number.wrapping_add(1),
            1 => number.wrapping_sub(1),
            2 => number.wrapping_mul(2),
            3 => number / 2,
            4 => number.wrapping_neg(),
            _ => random.number() as i64,
        };
        return changed.to_string();
    }
    match scalar {
        "true" => "false".into(),
        "false" => "true".into(),
        "null" => (*random.pick(SCALARS)).into(),
        _ => match serde_json::from_str::<String>(scalar) {
            Ok(text) => {
                let mut letters: Vec<char> = text.chars().collect();
                let place = random.below(letters.len() + 1);
                match random.below(4) {
                    0 => letters.truncate(place),
                    1 => letters.insert(place, char::from_u32(random.size(0x2ffff) as u32).unwrap_or('\u{fffd}')),
                    2 => letters.reverse(),
                    _ => letters = random.pick(STRINGS).chars().chain(letters).collect(),
                }
                serde_json::Value::from(String::from_iter(letters)).to_string()
            }
            // A fraction, or what is no JSON.
            Err(_) => format!("-{scalar}"),
        },
    }
}
