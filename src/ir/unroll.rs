//! Loops that are written out before a driver sees them.
//!
//! WGSL has no way to ask for it, and naga passes no hint on. Most drivers unroll short loops themselves, but NVIDIA's decides
//! too late: an array that the variable of a loop indexes lies in memory by then, and accumulators of products are such
//! arrays. So a file marks a loop by the line `// @unroll` before it, and its body is repeated with numbers for the variable.

use std::collections::HashMap;
use std::iter::Peekable;
use std::str::Chars;

const MARK: &str = "// @unroll\n";

/// `source` with its marked loops written out. A loop whose bounds are no constants stays as it is.
pub(super) fn unroll(source: &str) -> String {
    if source.contains(MARK) { expand(source, &constants(source)) } else { source.into() }
}

/// What the module's `const NAME: u32 = ...;` lines say, unevaluated.
type Constants<'a> = HashMap<&'a str, &'a str>;

fn constants(source: &str) -> Constants<'_> {
    let declared = source.lines().filter_map(|line| line.strip_prefix("const ")?.split_once(": u32 = "));
    declared.filter_map(|(name, rest)| Some((name, rest.split_once(';')?.0))).collect()
}

fn expand(source: &str, constants: &Constants) -> String {
    let mut written = String::new();
    let mut rest = source;
    while let Some(mark) = rest.find(MARK) {
        let (before, marked) = (&rest[..mark], &rest[mark + MARK.len()..]);
        written.push_str(before);
        let (expanded, behind) = Loop::parse(marked, constants).map_or_else(
            || {
                debug_assert!(false, "a loop that cannot be unrolled: {}", marked.lines().next().unwrap_or_default());
                (String::new(), marked)
            },
            |(marked, behind)| (marked.expand(constants), behind),
        );
        written.push_str(&expanded);
        rest = behind;
    }
    written + rest
}

/// `for (var NAME = FIRST; NAME < END; NAME += STEP) { BODY }`
struct Loop<'a> {
    variable: &'a str,
    first: u32,
    end: u32,
    step: u32,
    body: &'a str,
}

impl<'a> Loop<'a> {
    /// The loop that `source` starts with, and what is behind it.
    fn parse(source: &'a str, constants: &Constants) -> Option<(Loop<'a>, &'a str)> {
        let (variable, rest) = source.trim_start().strip_prefix("for (var ")?.split_once(" = ")?;
        let (first, rest) = rest.split_once(&format!("; {variable} < "))?;
        let (end, rest) = rest.split_once(&format!("; {variable} += "))?;
        let (step, rest) = rest.split_once(") {")?;
        let mut depth = 1;
        let close = rest.char_indices().find(|(_, character)| {
            match character {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            depth == 0
        });
        let close = close?.0;
        let [first, end, step] = [first, end, step].map(|expression| evaluate(expression, constants));
        let (first, end, step) = (first?, end?, step.filter(|step| *step > 0)?);
        Some((Loop { variable, first, end, step, body: &rest[..close] }, &rest[close + 1..]))
    }

    fn expand(&self, constants: &Constants) -> String {
        let values = (self.first..self.end).step_by(self.step as usize);
        let bodies = values.map(|value| {
            let body = substitute(self.body, self.variable, value);
            format!("{{{}}}", expand(&body, constants))
        });
        bodies.collect::<Vec<_>>().join("\n")
    }
}

/// `text` with a number for a variable.
fn substitute(text: &str, variable: &str, value: u32) -> String {
    let mut written = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(is_word) {
        let (before, word) = rest.split_at(start);
        let end = word.find(|character| !is_word(character)).unwrap_or(word.len());
        written.push_str(before);
        match &word[..end] {
            found if found == variable => written.push_str(&format!("{value}u")),
            other => written.push_str(other),
        }
        rest = &word[end..];
    }
    written + rest
}

fn is_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

/// The value of sums, differences, products, quotients and remainders of constants.
fn evaluate(expression: &str, constants: &Constants) -> Option<u32> {
    let mut rest = expression.chars().peekable();
    let value = sum(&mut rest, constants)?;
    rest.next().is_none().then_some(value)
}

fn sum(rest: &mut Peekable<Chars>, constants: &Constants) -> Option<u32> {
    let mut value = product(rest, constants)?;
    while let Some(operator) = next_of(rest, &['+', '-']) {
        let other = product(rest, constants)?;
        value = if operator == '+' { value.checked_add(other)? } else { value.checked_sub(other)? };
    }
    Some(value)
}

fn product(rest: &mut Peekable<Chars>, constants: &Constants) -> Option<u32> {
    let mut value = operand(rest, constants)?;
    while let Some(operator) = next_of(rest, &['*', '/', '%']) {
        let other = operand(rest, constants)?;
        value = match operator {
            '*' => value.checked_mul(other)?,
            '/' => value.checked_div(other)?,
            _ => value.checked_rem(other)?,
        };
    }
    Some(value)
}

fn operand(rest: &mut Peekable<Chars>, constants: &Constants) -> Option<u32> {
    if next_of(rest, &['(']).is_some() {
        let value = sum(rest, constants)?;
        return next_of(rest, &[')']).map(|_| value);
    }
    let mut word = String::new();
    while let Some(character) = rest.next_if(|character| is_word(*character)) {
        word.push(character);
    }
    match word.strip_suffix('u').unwrap_or(&word).parse() {
        Ok(number) => Some(number),
        // A constant never names itself.
        Err(_) => evaluate(constants.get(word.as_str())?, constants),
    }
}

/// The next character that is no space, if it is one of these; behind it no spaces are left.
fn next_of(rest: &mut Peekable<Chars>, wanted: &[char]) -> Option<char> {
    let skip = |rest: &mut Peekable<Chars>| while rest.next_if(|character| *character == ' ').is_some() {};
    skip(rest);
    let found = rest.next_if(|character| wanted.contains(character));
    skip(rest);
    found
}

#[cfg(test)]
mod tests {
    use super::unroll;

    #[test]
    fn a_marked_loop_is_written_out_and_others_stay() {
        let source = "const LANES: u32 = 2u * FEW; // not a comment's business\nconst FEW: u32 = (5u + 3u) / 4u - 1u;\n\
            fn f() {\n// @unroll\nfor (var i = 0u; i < LANES; i += 1u) { a[i] = bi; }\nfor (var j = 0u; j < 2u; j += 1u) { }\n}";
        let expected = "fn f() {\n{ a[0u] = bi; }\n{ a[1u] = bi; }\nfor (var j = 0u; j < 2u; j += 1u) { }\n}";
        assert!(unroll(source).ends_with(expected), "{}", unroll(source));
    }

    #[test]
    fn loops_within_loops_know_the_outer_variable() {
        let source = "// @unroll\nfor (var k = 4u; k < 9u; k += 4u) {\n// @unroll\nfor (var i = k; i < k + 2u; i += 1u) { f(k, i); } }";
        assert_eq!(
            unroll(source).split_whitespace().collect::<String>(),
            "{{f(4u,4u);}{f(4u,5u);}}{{f(8u,8u);}{f(8u,9u);}}"
        );
    }
}
