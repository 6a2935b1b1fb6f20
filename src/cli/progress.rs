//! What standard error says of a long run: how far it is, what is wrong with rows, and what came of it.

use super::{input::Input, say};
use indicatif::{ProgressBar, ProgressStyle};
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

/// Warnings of a kind that are said; of more only their number is.
const WARNINGS: usize = 10;
/// Kinds that are told apart.
const KINDS: usize = 100;
/// The rate is that of the last so many seconds: compiling and the first batches make the mean of a run's beginning slow.
const WINDOW: Duration = Duration::from_secs(20);
/// Columns of a terminal that a bar is worth.
const WIDE: u16 = 72;

/// A bar where standard error is a terminal and results go elsewhere, and the warnings of rows.
pub struct Progress {
    bar: Option<ProgressBar>,
    quiet: bool,
    rows: usize,
    /// When so many rows were answered.
    recent: VecDeque<(Instant, usize)>,
    warnings: HashMap<String, usize>,
}

impl Progress {
    /// `apart`: results go to a file, whatever standard output is.
    pub fn new(input: &Input, apart: bool, quiet: bool) -> Progress {
        let seen = io::stderr().is_terminal() && (apart || !io::stdout().is_terminal());
        let wanted = seen && !quiet && !input.is_arguments();
        let bar = wanted.then(|| {
            let narrow = terminal_size::terminal_size_of(io::stderr()).is_some_and(|(width, _)| width.0 < WIDE);
            let bar = match input.length() {
                Some(length) if narrow => ProgressBar::new(length).with_style(style("{percent:>3} %  {wide_msg}")),
                Some(length) => ProgressBar::new(length).with_style(style("{wide_bar} {percent:>3} %  {msg}")),
                None => ProgressBar::no_length().with_style(style("{spinner} {wide_msg}")),
            };
            bar.set_message("starting");
            bar.tick();
            bar
        });
        Progress { bar, quiet, rows: 0, recent: VecDeque::new(), warnings: HashMap::new() }
    }

    /// Counts rows that were answered, the last of which ends at `position` of the input.
    pub fn advance(&mut self, rows: usize, position: u64) {
        self.rows += rows;
        let Some(bar) = &self.bar else { return };
        let now = Instant::now();
        self.recent.push_back((now, self.rows));
        while self.recent.len() > 2 && now - self.recent[1].0 > WINDOW {
            self.recent.pop_front();
        }
        let (since, before) = self.recent[0];
        let rate = (self.rows - before) as f64 / (now - since).as_secs_f64();
        let mut message = format!("{} rows", self.rows);
        if self.recent.len() > 1 && rate.is_finite() {
            message += &format!(", {rate:.0} a second");
            let share = bar.length().map(|length| position as f64 / length.max(1) as f64).filter(|share| *share > 0.0);
            let left = share.map(|share| self.rows as f64 * (1.0 / share - 1.0) / rate).filter(|left| left.is_finite());
            let left = left.map(|seconds| Duration::from_secs(seconds.max(0.0) as u64));
            message += &left.map_or(String::new(), |left| format!(", {} to go", indicatif::HumanDuration(left)));
        }
        bar.set_message(message);
        bar.set_position(position);
        bar.tick();
    }

    /// What is worth knowing, on a line that the bar does not overwrite.
    pub fn note(&self, message: &str) {
        if !self.quiet {
            self.say(format_args!("note: {message}"));
        }
    }

    /// What is wrong with a row; of many of a kind the first are said, and in the end how many more there were.
    pub fn warn(&mut self, row: &str, message: &str) {
        let mut kind: String = message.chars().filter(|letter| !letter.is_ascii_digit()).collect();
        if !self.warnings.contains_key(&kind) && self.warnings.len() >= KINDS {
            kind = "something else".into();
        }
        let count = self.warnings.entry(kind).or_default();
        *count += 1;
        if *count <= WARNINGS {
            self.say(format_args!("warning: {row}: {message}"));
        }
    }

    /// Ends the bar, and says how many warnings were not said.
    pub fn finish(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        let mut more: Vec<_> = self.warnings.drain().filter(|(_, count)| *count > WARNINGS).collect();
        more.sort();
        for (kind, count) in more {
            say(format_args!("warning: {} more rows like this: {kind}", count - WARNINGS));
        }
    }

    fn say(&self, message: fmt::Arguments<'_>) {
        match &self.bar {
            None => say(message),
            Some(bar) => bar.suspend(|| say(message)),
        }
    }
}

impl Drop for Progress {
    /// Leaves the terminal as it was.
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

pub fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the template is a constant")
}
