//! What can be said of the arguments, made from the arguments themselves: lists of values, manual pages, completions.

use super::Cli;
use super::config::is_called;
use crate::error::{self, ExitCode};
use clap::error::{ContextKind, ErrorKind};
use clap::{Command, CommandFactory, Error};
use clap_complete::Shell;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::Path;

/// The answer to `--help OPTION`: what the option is, and its values, a line each, if there is a list of them; and to
/// `--help SUBCOMMAND`. None if neither was asked.
///
/// # Errors
/// When there is no such option, though the word looks like one.
pub(super) fn answer(arguments: &[OsString]) -> Option<Result<String, Error>> {
    let at = arguments.iter().position(|argument| argument == "--help" || argument == "-h")?;
    let name = arguments.get(at + 1)?.to_str()?.trim_start_matches('-');
    let mut command = &built();
    for word in &arguments[1..at] {
        command = command.find_subcommand(word).unwrap_or(command);
    }
    if let Some(below) = command.find_subcommand(name) {
        return Some(Ok(below.clone().render_long_help().to_string()));
    }
    let Some(argument) = command.get_arguments().find(|argument| is_called(argument, name)) else {
        return unknown(&arguments[..at], name).map(Err);
    };
    let option = argument.get_long()?;
    let about = argument.get_long_help().or(argument.get_help()).map(ToString::to_string).unwrap_or_default();
    let names: Vec<String> =
        argument.get_visible_aliases().unwrap_or_default().iter().map(|name| format!(", --{name}")).collect();
    let default: Vec<_> = argument.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    let default = if default.is_empty() { String::new() } else { format!(" [default: {}]", default.join(" ")) };
    let mut text = format!("--{option}{}: {about}{default}\n", names.concat());
    let values = argument.get_possible_values();
    let width = values.iter().map(|value| value.get_name().len()).max().unwrap_or(0);
    for (value, gap) in values.iter().zip(["\n"].into_iter().chain(std::iter::repeat(""))) {
        let about = value.get_help().map(ToString::to_string).unwrap_or_default();
        let _ = writeln!(text, "{gap}  {:width$}  {about}", value.get_name());
    }
    Some(Ok(text))
}

/// What is said of an option that there is not, which may know a similar one. None if the word is no name of an option.
fn unknown(before: &[OsString], name: &str) -> Option<Error> {
    let is_name = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    let typed = is_name.then(|| before.iter().cloned().chain([OsString::from(format!("--{name}"))]))?;
    let mut error = Cli::command().try_get_matches_from(typed).err()?;
    // How to pass the word as a value.
    error.remove(ContextKind::Suggested);
    (error.kind() == ErrorKind::UnknownArgument).then_some(error)
}

/// The script that completes arguments in a shell.
pub fn completions(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "halocg", &mut script);
    script
}

/// Writes a manual page for the program and one for each subcommand into `folder`, those below other subcommands too.
///
/// # Errors
/// When a file cannot be written.
pub fn write_manual_pages(folder: &Path) -> error::Result<()> {
    let written = std::fs::create_dir_all(folder).and_then(|()| write_page(&built(), folder));
    written.map_err(|cause| {
        error::Error::new(
            ExitCode::Internal,
            format!("{}: the manual pages cannot be written: {cause}", folder.display()),
        )
    })
}

fn write_page(command: &Command, folder: &Path) -> std::io::Result<()> {
    let name = command.get_display_name().unwrap_or(command.get_name()).to_string();
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut page)?;
    std::fs::write(folder.join(format!("{name}.1")), page)?;
    command.get_subcommands().try_for_each(|below| write_page(below, folder))
}

/// The arguments with what clap adds to them. (A page on `help` would say nothing.)
fn built() -> Command {
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    command
}
