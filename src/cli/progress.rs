//! How far a long run is, on standard error, for somebody who sits before it.

use super::{input::Input, say};
use indicatif::{ProgressBar, ProgressStyle};
use std::fmt;
use std::fs::File;
use std::io::{self, IsTerminal};

/// Rows from which on input of unknown length counts as long.
const MANY_ROWS: usize = 4096;

/// Shown where standard error is a terminal and the results go to a file: for files of rows, and for many rows of other
/// input.
pub struct Progress {
    wanted: bool,
    bar: Option<ProgressBar>,
    rows: usize,
}

impl Progress {
    pub fn new(input: &Input) -> Progress {
        let wanted = io::stderr().is_terminal() && output_is_file() && !input.is_arguments();
        let bar = input.length().filter(|_| wanted).map(|length| {
            let bar = ProgressBar::new(length);
            bar.with_style(style("{bar:40} {percent:>3} %  {msg}, {eta} to go"))
        });
        Progress { wanted, bar, rows: 0 }
    }

    /// Counts rows that were answered, the last of which ends at `position` of the input.
    pub fn advance(&mut self, rows: usize, position: u64) {
        self.rows += rows;
        if self.bar.is_none() && self.wanted && self.rows > MANY_ROWS {
            self.bar = Some(ProgressBar::new_spinner().with_style(style("{spinner} {msg}")));
        }
        if let Some(bar) = &self.bar {
            bar.set_message(format!(
                "{} rows, {:.0} a second",
                self.rows,
                self.rows as f64 / bar.elapsed().as_secs_f64()
            ));
            bar.set_position(position);
        }
    }

    /// A line on standard error that the bar does not overwrite.
    pub fn say(&self, message: fmt::Arguments<'_>) {
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

/// Behind a pipe may be a program that writes to the terminal of the bar, `less` for one.
fn output_is_file() -> bool {
    #[cfg(unix)]
    let output = std::os::fd::AsFd::as_fd(&io::stdout()).try_clone_to_owned();
    #[cfg(windows)]
    let output = std::os::windows::io::AsHandle::as_handle(&io::stdout()).try_clone_to_owned();
    output.and_then(|output| File::from(output).metadata()).is_ok_and(|metadata| metadata.is_file())
}

pub fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the template is a constant")
}
