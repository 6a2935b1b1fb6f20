//! BERTweet's normalization of a tweet: HTML's entities, words as tweets have them, `@USER`, `HTTPURL`, emoji by their
//! names, and some contractions apart.
//!
//! `normalizeTweet` and `TweetTokenizer` of `models/bertweet/tokenization_bertweet.py`, and `demojize` of the package
//! emoji 0.6.0, which its warning asks for.

use std::collections::HashMap;
use std::sync::LazyLock;

use fancy_regex::{Regex, RegexBuilder};

use super::codes::is_space;

/// Steps that may be taken back in the search for one word. A word of half a million letters needs more.
const MOST_BACKTRACKING: usize = 10_000_000;

static EMOJI: LazyLock<HashMap<char, &str>> = LazyLock::new(|| {
    let named = |line: &'static str| {
        let (emoji, name) = line.split_once(' ')?;
        Some((emoji.chars().next()?, name))
    };
    include_str!("emoji.txt").lines().filter(|line| !line.starts_with("# ")).filter_map(named).collect()
});

static ENTITIES: LazyLock<HashMap<&str, u32>> = LazyLock::new(|| {
    let named = |line: &'static str| {
        let (name, code) = line.split_once(' ')?;
        Some((name, code.parse().ok()?))
    };
    include_str!("entities.txt").lines().filter(|line| !line.starts_with("# ")).filter_map(named).collect()
});

/// `WORD_RE`, without the comments. Python's `[a-z]` has the dotted capital İ among its letters, too.
static WORDS: LazyLock<Regex> = LazyLock::new(|| {
    let open = r"[^\s()<>{}\[\]]+";
    let nested = r"\([^\s()]*?\([^\s()]+\)[^\s()]*?\)";
    let closed = r"\([^\s]+?\)";
    let last = r#"[^\s`!()\[\]{};:'".,<>?«»“”‘’]"#;
    let url = format!(
        r"(?:https?:(?:/{{1,3}}|[a-zİ0-9%])|[a-zİ0-9.\-]+[.](?:[a-zİ]{{2,13}})/)(?:{open}|{nested}|{closed})+(?:{nested}|{closed}|{last})"
    );
    let domain = r"(?:(?<!@)[a-zİ0-9]+(?:[.\-][a-zİ0-9]+)*[.](?:[a-zİ]{2,13})\b/?(?!@))";
    let phone = r"(?:(?:\+?[01][ *\-.\)]*)?(?:[\(]?\d{3}[ *\-.\)]*)?\d{3}[ *\-.\)]*\d{4})";
    let eyes = "[:;=8]";
    let nose = r"[\-o\*\']?";
    let mouth = r"[\)\]\(\[dDpP/\:\}\{@\|\\]";
    let emoticon = format!("(?:[<>]?{eyes}{nose}{mouth}|{mouth}{nose}{eyes}[<>]?|<3)");
    let others = [
        r"<[^>\s]+>",
        r"[\-]+>|<[\-]+",
        r"(?:@[\w_]+)",
        r"(?:\#+[\w_]+[\w\'_\-]*[\w_]+)",
        r"[\w.+-]+@[\w-]+\.(?:[\w-]\.?)+[\w-]",
        r"(?:[^\W\d_](?:[^\W\d_]|['\-_])+[^\W\d_])",
        r"(?:[+\-]?\d+[,/.:-]\d+[+\-]?)",
        r"(?:[\w_]+)",
        r"(?:\.(?:\s*\.){1,})",
        r"(?:\S)",
    ];
    let all = [&[url.as_str(), domain, phone, emoticon.as_str()], &others[..]].concat().join("|");
    let words = RegexBuilder::new(&format!("(?i)(?:{all})")).backtrack_limit(MOST_BACKTRACKING).build();
    words.expect("the expression is right")
});

/// Contractions and times, in this order.
const APART: [(&str, &str); 15] = [
    ("cannot ", "can not "),
    ("n't ", " n't "),
    ("n 't ", " n't "),
    ("ca n't", "can't"),
    ("ai n't", "ain't"),
    ("'m ", " 'm "),
    ("'re ", " 're "),
    ("'s ", " 's "),
    ("'ll ", " 'll "),
    ("'d ", " 'd "),
    ("'ve ", " 've "),
    (" p . m .", "  p.m."),
    (" p . m ", " p.m "),
    (" a . m .", " a.m."),
    (" a . m ", " a.m "),
];

/// A tweet as the model reads it.
///
/// # Errors
/// What of it Python reads in a way that is not followed here.
pub(super) fn normalize(tweet: &str) -> Result<String, String> {
    let text = entities(&tweet.replace('’', "'").replace('…', "..."))?;
    let text = shorten(&text);
    let mut words = Vec::new();
    for word in WORDS.find_iter(&text) {
        let word = word.map_err(|error| format!("its words cannot be told apart: {error}"))?;
        words.push(token(word.as_str()));
    }
    let mut normal = words.join(" ");
    for (from, to) in APART {
        normal = normal.replace(from, to);
    }
    Ok(normal.split(is_space).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" "))
}

fn token(word: &str) -> &str {
    let starts = |prefix: &str| word.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    if word.starts_with('@') {
        return "@USER";
    }
    if starts("http") || starts("www") {
        return "HTTPURL";
    }
    let mut characters = word.chars();
    match (characters.next(), characters.next()) {
        (Some('’'), None) => "'",
        (Some('…'), None) => "...",
        // Asks for an emoji, and is none.
        (Some('\u{fe0f}'), None) => "",
        (Some(character), None) => EMOJI.get(&character).copied().unwrap_or(word),
        _ => word,
    }
}

/// Three of a sign that stands more often in a row.
fn shorten(text: &str) -> String {
    let (mut shortened, mut last, mut count) = (String::with_capacity(text.len()), None, 0);
    for character in text.chars() {
        count = if last == Some(character) { count + 1 } else { 1 };
        last = Some(character);
        if count <= 3 || character.is_ascii_alphanumeric() {
            shortened.push(character);
        }
    }
    shortened
}

/// `_replace_html_entities`: one that means nothing goes away.
fn entities(text: &str) -> Result<String, String> {
    let mut replaced = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('&') {
        replaced.push_str(&rest[..start]);
        let after = &rest[start + 1..];
        let end = after.find(|character: char| matches!(character, '&' | ';') || character.is_whitespace());
        match end {
            Some(end) if end > 0 && after[end..].starts_with(';') => {
                replaced.extend(entity(&after[..end])?);
                rest = &after[end + 1..];
            }
            _ => {
                replaced.push('&');
                rest = after;
            }
        }
    }
    replaced.push_str(rest);
    Ok(replaced)
}

/// The character of what stands between `&` and `;`.
fn entity(body: &str) -> Result<Option<char>, String> {
    // `#` and `x` are marks where something follows them.
    let mark = |body: &'_ str, mark: char| body.strip_prefix(mark).filter(|rest| !rest.is_empty()).map(str::to_owned);
    let (digits, hexadecimal) = match (mark(body, '#'), mark(body, 'x')) {
        (Some(digits), _) => match mark(&digits, 'x') {
            Some(digits) => (digits, true),
            None => (digits, false),
        },
        (None, Some(digits)) => (digits, true),
        (None, None) => return Ok(ENTITIES.get(body).copied().and_then(char::from_u32)),
    };
    if digits.chars().any(|digit| !digit.is_ascii() && digit.is_numeric()) {
        return Err(format!("the entity &{body}; has digits that are not ASCII"));
    }
    let Some(number) = integer(&digits, if hexadecimal { 16 } else { 10 }) else { return Ok(None) };
    match number {
        // As browsers do, in Windows' code page.
        128..=159 => Ok(WINDOWS[number as usize - 128]),
        0xd800..=0xdfff => Err(format!("the entity &{body}; is half a surrogate pair")),
        _ => Ok(char::from_u32(number)),
    }
}

/// Python's `int`: a sign, underscores between digits, `0x` before those of base 16. What is too large is no character.
fn integer(digits: &str, base: u32) -> Option<u32> {
    let negative = digits.starts_with('-');
    let unsigned = digits.strip_prefix(['+', '-']).unwrap_or(digits);
    let prefixed = if base == 16 { unsigned.strip_prefix("0x").or(unsigned.strip_prefix("0X")) } else { None };
    let digits = match prefixed {
        Some(digits) => digits.strip_prefix('_').unwrap_or(digits),
        None => unsigned,
    };
    let well = |part: &str| !part.is_empty() && part.chars().all(|digit| digit.is_digit(base));
    if !digits.split('_').all(well) {
        return None;
    }
    let number = u32::from_str_radix(&digits.replace('_', ""), base).ok()?;
    (!negative || number == 0).then_some(number)
}

/// Code points 128 to 159 of Windows' code page 1252.
const WINDOWS: [Option<char>; 32] = [
    Some('€'),
    None,
    Some('‚'),
    Some('ƒ'),
    Some('„'),
    Some('…'),
    Some('†'),
    Some('‡'),
    Some('ˆ'),
    Some('‰'),
    Some('Š'),
    Some('‹'),
    Some('Œ'),
    None,
    Some('Ž'),
    None,
    None,
    Some('‘'),
    Some('’'),
    Some('“'),
    Some('”'),
    Some('•'),
    Some('–'),
    Some('—'),
    Some('˜'),
    Some('™'),
    Some('š'),
    Some('›'),
    Some('œ'),
    None,
    Some('ž'),
    Some('Ÿ'),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// What `normalizeTweet` of transformers 4.57.6 with emoji 0.6.0 made of tweets at random.
    #[test]
    fn tweets_are_normalized_as_transformers_does() {
        let cases = [
            (
                "Wordme@mail.com\u{663}.\u{664}1,000.5...example.com\\\u{130}",
                "Wordme@mail.com\u{663}.\u{664}1 , 000.5 ... example.com \\ \u{130}",
            ),
            ("<\u{1f600}]=&#x41;\"\u{17f}oI'm<-&#65", "< :grinning_face: ]= A \" \u{17f}oI 'm <- & #65"),
            ("t'so 5 p.m. now, 10 a.m.", "t'so 5 p.m. now , 10 a.m."),
            ("o  __example.com\u{fe0f}+1 ({", "o __example . com\u{fe0f} + 1 ( {"),
            (
                "-->na\u{ef}ve}`\u{2026}cannot \u{17f}=\u{4eac}http://<3",
                "--> na\u{ef}ve } ` ... can not \u{17f} = \u{4eac}http :/ / <3",
            ),
            ("<3o^<#????&#x41;n't", "<3 o ^ < # ? ? ? An't"),
            ("oo--> ^you", "oo --> ^ you"),
            ("#p . m .????~>!me@mail.com<-_~{\u{201c}", "# p.m. ? ? ? ~ > ! me@mail.com <- _ ~ { \u{201c}"),
            ("p.m.&23+1 (", "p . m . & 23 + 1 ("),
            ("Pp.m.#????\"=)example.comO", "Pp . m . # ? ? ? \" =) example.comO"),
            (
                "-->555-123-45671#/x23}23\u{2764}????\u{1f44d}\u{1f3fd}",
                "--> 555-123-4567 1 # / x23 } 23 :red_heart: ? ? ? :thumbs_up: :medium_skin_tone:",
            ),
            ("#hashtag #13/4 #\u{201c}x-y'z #", "#hashtag #13 / 4 # \u{201c} x-y'z #"),
            ("#h\u{661}\u{662}ash_t;ag #1 #x-y'z #", "#h\u{661}\u{662}ash_t ; ag # 1 #x-y'z #"),
            ("&amp;a.co/@user!1,000.5%8)$", "& a.co/@user!1,000.5%8 ) $"),
            ("-5+I'm;-D", "- 5 + I 'm ;-D"),
            ("www.\u{130}www.  ", "HTTPURL ."),
            (
                "a\u{a009}b \u{a009}\u{a009} http://x.\u{a009}/\u{a009} #\u{a009}a @\u{a009}x a\u{a009}b.com/ 1\u{a009}2",
                "a\u{a009}b \u{a009}\u{a009} HTTPURL #\u{a009}a @USER a\u{a009}b . com / 1\u{a009}2",
            ),
            (
                "a\u{4d4b}b \u{4d4b}\u{4d4b} http://x.\u{4d4b}/\u{4d4b} #\u{4d4b}a @\u{4d4b}x a\u{4d4b}b.com/ 1\u{4d4b}2",
                "a\u{4d4b}b \u{4d4b}\u{4d4b} HTTPURL #\u{4d4b}a @USER a\u{4d4b}b . com / 1\u{4d4b}2",
            ),
        ];
        for (tweet, normal) in cases {
            assert_eq!(normalize(tweet).as_deref(), Ok(normal), "{tweet:?}");
        }
    }

    /// The right sides are Python's; it agreed on 280,000 tweets, among them each code point in eight places.
    #[test]
    fn tweets_are_normalized_as_in_python() {
        for (tweet, normal) in [
            ("", ""),
            ("GOOD film!!!!!! soooo", "GOOD film ! ! ! soooo"),
            ("@someone see http://t.co/abc?x=1 and www.example.com/a_(b)", "@USER see HTTPURL and HTTPURL"),
            ("I can't, don't, ain't; cannot go", "I can't , do n't , ain't ; can not go"),
            ("it's 5 p.m. now, 10 a.m.", "it 's 5 p.m. now , 10 a.m."),
            ("p . m . a . m a . m .", "p . m . a.m a.m."),
            ("\u{fe0f} p . m . x", "p.m. x"),
            ("<3 :-) :D ;P =/ 8) >:( (: D:", "<3 :-) :D ;P =/ 8) >:( (: D:"),
            ("a… b’s “c”", "a ... b 's “ c ”"),
            ("#hash_tag #1 ##x-y'z #", "#hash_tag # 1 ##x-y'z #"),
            ("me@mail.example.com @_ @ x@y", "me@mail.example.com @USER @USER x @USER"),
            ("call 555-123-4567 or +1 (555) 123 4567", "call 555-123-4567 or +1 (555) 123 4567"),
            ("1,000.5 3/4 -5 +7- 10:30", "1,000 . 5 3/4 - 5 + 7 - 10:30"),
            ("--> <-- ->x <b> </b>", "--> <-- -> x <b> </b>"),
            ("❤️ 👍🏽", ":red_heart: :thumbs_up: :medium_skin_tone:"),
            ("example.com a.b.co/ x.toolongdomainnamehere", "example.com a.b.co/ x . toolongdomainnamehere"),
            ("HTTP:/x HTTPS:%20 wwwhat", "HTTPURL :/ x HTTPURL HTTPURL"),
        ] {
            assert_eq!(normalize(tweet).as_deref(), Ok(normal), "{tweet:?}");
        }
    }

    #[test]
    fn entities_are_characters() {
        for (text, replaced) in [
            ("&lt;3 &amp; &#33; &#x41; &x41; &#128;", "<3 & ! A A €"),
            ("&nope; &#xZZ; &#129; &#-5; &#1_0; &#99999999999; &#; &;", "    \n   &;"),
            ("a & b; &lt &a b;", "a & b; &lt &a b;"),
            ("&hellip;&#x0x41;&xi;&x;", "…A"),
        ] {
            assert_eq!(entities(text).as_deref(), Ok(replaced), "{text:?}");
        }
        for (text, words) in [("&#٣;", "not ASCII"), ("&#xd83d;", "surrogate")] {
            let message = normalize(text).expect_err("Python goes its own way");
            assert!(message.contains(words), "{message}");
        }
    }

    /// A search that takes itself back without end is an error, not a wait.
    #[test]
    fn a_tweet_without_end_is_refused() {
        let message = normalize(&format!("http://{}", "!?".repeat(2000))).expect_err("it has no end");
        assert!(message.contains("cannot be told apart"), "{message}");
    }
}
