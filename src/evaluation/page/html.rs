//! Texts, numbers and tables as HTML.

/// A text in HTML, also between quotes. Signs that HTML has no place for are shown as one that says so.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\'' => escaped += "&#39;",
            '\n' | '\t' => escaped.push(letter),
            _ if letter.is_control() => escaped.push('\u{fffd}'),
            _ => escaped.push(letter),
        }
    }
    escaped
}

/// What the user called something, in its own direction of writing.
pub(super) fn name(text: &str) -> String {
    match text.trim() {
        "" => "(empty)".into(),
        // Labels and paths are long words, which may be broken where they have joints.
        _ => format!("<bdi>{}</bdi>", escaped(text).replace('_', "_<wbr>").replace('/', "/<wbr>")),
    }
}

/// A figure.
pub(super) fn number(value: Option<f64>) -> String {
    match value {
        None => "–".into(),
        Some(value) if value.abs() >= 1e6 => format!("{value:.3e}"),
        // Zero has no sign to a reader.
        Some(value) => format!("{value:.4}").replace("-0.0000", "0.0000").replace('-', "−"),
    }
}

/// A count, its digits in groups of three.
pub(super) fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A table in a frame that scrolls, also by the keyboard.
pub(super) struct Table {
    html: String,
}

impl Table {
    /// `id` names it within the page; `caption` is HTML, as are all cells.
    pub(super) fn new(id: &str, class: &str, caption: &str, head: &[String]) -> Table {
        let mut html = format!(
            "<div class=\"scroll\" role=\"region\" aria-labelledby=\"{id}\" tabindex=\"0\">\n<table class=\"{class}\">\n\
             <caption id=\"{id}\"><span>{caption}</span></caption>\n<thead><tr>"
        );
        head.iter().for_each(|cell| html += &format!("<th scope=\"col\"><span>{cell}</span></th>"));
        html += "</tr></thead>\n<tbody>\n";
        Table { html }
    }

    /// Rows from here are another group.
    pub(super) fn group(&mut self, class: &str) {
        self.html += &format!("</tbody>\n<tbody class=\"{class}\">\n");
    }

    /// A row of what it is about, and cells.
    pub(super) fn row(&mut self, head: &str, cells: impl IntoIterator<Item = String>) {
        self.classed(head, cells.into_iter().map(|cell| (String::new(), cell)));
    }

    /// The same with a class for each cell.
    pub(super) fn classed(&mut self, head: &str, cells: impl IntoIterator<Item = (String, String)>) {
        self.html += &format!("<tr><th scope=\"row\">{head}</th>");
        for (class, cell) in cells {
            match class.as_str() {
                "" => self.html += &format!("<td>{cell}</td>"),
                class => self.html += &format!("<td class=\"{class}\">{cell}</td>"),
            }
        }
        self.html += "</tr>\n";
    }

    pub(super) fn finish(self) -> String {
        self.html + "</tbody>\n</table>\n</div>\n"
    }
}

/// The cells of a head.
pub(super) fn head<const COUNT: usize>(cells: [&str; COUNT]) -> Vec<String> {
    cells.map(String::from).to_vec()
}
