//! A bar for each file that is downloaded, on standard error, if that is a terminal.

use super::progress::style;
use super::say;
use crate::checkpoint::hub::Progress;
use indicatif::ProgressBar;

const TEMPLATE: &str = "{msg} {wide_bar} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} to go";
const UNKNOWN_SIZE: &str = "{msg} {bytes}, {bytes_per_sec}";

/// Draws what it is told of the downloads.
#[derive(Default)]
pub struct Downloads {
    bar: Option<ProgressBar>,
}

impl Downloads {
    pub fn advance(&mut self, progress: Progress<'_>) {
        // The first call tells what an earlier run has left, which does not count as fast.
        let bar = self.bar.get_or_insert_with(|| begin(progress));
        bar.set_position(progress.received);
        if let Some(trouble) = progress.trouble {
            bar.suspend(|| say(format_args!("warning: {trouble}")));
        }
        if progress.complete {
            bar.finish_and_clear();
            self.bar = None;
        }
    }
}

impl Drop for Downloads {
    /// Leaves the terminal as it was.
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn begin(progress: Progress<'_>) -> ProgressBar {
    let bar = match progress.size {
        Some(size) => ProgressBar::new(size).with_style(style(TEMPLATE)),
        None => ProgressBar::no_length().with_style(style(UNKNOWN_SIZE)),
    };
    let bar = bar.with_message(progress.file.to_string()).with_position(progress.received);
    bar.reset_eta();
    bar
}
