//! `wgbert completions` and `wgbert man`: what is installed beside the program.

use super::arguments::{Arguments, CompletionsArguments, ManArguments};
use super::{Failure, Outcome};
use crate::Error;
use clap::builder::StyledStr;
use clap::{Command, CommandFactory};
use std::fs;
use std::io::{self, Write};
use std::path::Path;

pub fn completions(arguments: &CompletionsArguments) -> Result<Outcome, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut visible(), "wgbert", &mut script);
    write(&script)
}

pub fn man(arguments: &ManArguments) -> Result<Outcome, Failure> {
    if let Some(folder) = &arguments.folder {
        let failed = |error: io::Error| Error::File { action: "write to", path: folder.clone(), source: error.into() };
        return pages(folder).map_err(failed).map(|()| Outcome::Complete).map_err(Failure::from);
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(visible()).render(&mut page)?;
    write(&page)
}

fn pages(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    clap_mangen::generate_to(visible(), folder)
}

/// At once, so that a reader that goes away is an error like any other: the generators would panic.
fn write(text: &[u8]) -> Result<Outcome, Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text)?;
    out.flush()?;
    Ok(Outcome::Complete)
}

/// The command without its hidden ones, which the generators of completions would offer.
fn visible() -> Command {
    let whole = Arguments::command();
    let commands = whole.get_subcommands().filter(|command| !command.is_hide_set()).cloned();
    let command = Command::new("wgbert").version(env!("CARGO_PKG_VERSION")).subcommands(commands);
    let said = |text: Option<&StyledStr>| text.cloned().unwrap_or_default();
    command.about(said(whole.get_about())).after_help(said(whole.get_after_help())).subcommand_required(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// There is no way to leave one out of a page or a script: who adds one thinks of how.
    #[test]
    fn no_option_is_hidden() {
        fn check(command: &Command) {
            for argument in command.get_arguments() {
                assert!(!argument.is_hide_set(), "{} of {}", argument.get_id(), command.get_name());
            }
            command.get_subcommands().for_each(check);
        }
        check(&visible());
    }
}
