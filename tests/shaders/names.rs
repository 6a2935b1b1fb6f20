//! The names of a WGSL file: what its header says that it provides and needs, and what its declarations and functions
//! say.

use std::collections::BTreeSet;

pub type Names = BTreeSet<String>;

/// The line `// provides: a, b; needs: c, d` of the comment that a file opens with; it may take several lines.
pub struct Header {
    pub provides: Names,
    pub needs: Names,
}

impl Header {
    pub fn read(source: &str) -> Option<Header> {
        let comment = source.lines().map_while(|line| line.strip_prefix("//"));
        let line: String = comment.skip_while(|line| !line.starts_with(" provides: ")).collect();
        let (provides, needs) = line.trim_start().strip_prefix("provides: ")?.split_once("; needs: ")?;
        let list = |text: &str| match text.trim() {
            "nothing" => Names::new(),
            text => text.split(',').map(|name| name.trim().to_string()).collect(),
        };
        Some(Header { provides: list(provides), needs: list(needs) })
    }
}

/// What a file declares at module scope, and the other names that it says, WGSL's own among them.
#[derive(Default)]
pub struct Body {
    pub declared: Names,
    pub free: Names,
    /// The entry point among them.
    pub entry: Option<String>,
}

impl Body {
    pub fn read(source: &str) -> Body {
        let mut body = Body::default();
        let mut item = Vec::new();
        let mut depth = 0;
        for token in tokens(source) {
            item.push(token);
            match token {
                "{" | "(" | "[" => depth += 1,
                "}" | ")" | "]" => depth -= 1,
                _ => {}
            }
            if depth == 0 && (token == ";" || token == "}") {
                body.item(&item);
                item.clear();
            }
        }
        assert!(item.is_empty(), "not a declaration: {item:?}");
        body.free = &body.free - &body.declared;
        body
    }

    /// One declaration. A name that a function declares is taken for its own wherever the function says it.
    fn item(&mut self, tokens: &[&str]) {
        let kind = tokens.iter().position(|token| DECLARATIONS.contains(token)).expect("a declaration");
        let name = (tokens[kind] != "const_assert").then(|| named(tokens, kind));
        let own: Vec<&str> = match tokens[kind] {
            "fn" => (kind + 2..tokens.len() - 1)
                .filter_map(|place| match tokens[place] {
                    "let" | "var" | "const" => Some(tokens[named(tokens, place)]),
                    _ => (tokens[place + 1] == ":").then_some(tokens[place]),
                })
                .collect(),
            _ => Vec::new(),
        };
        self.declared.extend(name.map(|place| tokens[place].to_string()));
        if tokens[..kind].contains(&"compute") {
            self.entry = name.map(|place| tokens[place].to_string());
        }
        for (place, token) in tokens.iter().enumerate() {
            let before = |distance: usize| place.checked_sub(distance).map_or("", |place| tokens[place]);
            let member = before(1) == "." || tokens[kind] == "struct" && tokens.get(place + 1) == Some(&":");
            let attribute = before(1) == "@" || before(2) == "builtin";
            if is_name(token) && !member && !attribute && !own.contains(token) {
                self.free.insert(token.to_string());
            }
        }
    }
}

const DECLARATIONS: &[&str] = &["fn", "struct", "alias", "const", "override", "var", "const_assert"];

/// The place of what the declaration that begins at `place` declares: behind `<workgroup>` and the like.
fn named(tokens: &[&str], place: usize) -> usize {
    match tokens[place + 1] {
        "<" => place + 3 + tokens[place..].iter().skip(2).position(|token| *token == ">").expect("an end"),
        _ => place + 1,
    }
}

fn is_name(token: &str) -> bool {
    token.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
}

/// Names, numbers and single signs; no comments.
fn tokens(source: &str) -> Vec<&str> {
    let mut all = Vec::new();
    for line in source.lines() {
        let mut rest = line.split_once("//").map_or(line, |(code, _)| code).trim_start();
        while let Some(first) = rest.chars().next() {
            let of_word = |sign: char| sign.is_ascii_alphanumeric() || sign == '_';
            let end = if of_word(first) { rest.find(|sign| !of_word(sign)).unwrap_or(rest.len()) } else { 1 };
            all.push(&rest[..end]);
            rest = rest[end..].trim_start();
        }
    }
    all
}
