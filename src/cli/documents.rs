//! What can be said of the arguments, made from the arguments themselves: lists of values, manual pages, completions.

use super::Cli;
use super::config::is_called;
use crate::error::{Error, ExitCode, Result};
use clap::{Command, CommandFactory};
use clap_complete::Shell;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::Path;

/// The answer to `--help OPTION`: the option's values, a line each. None if that was not asked, or if the option has
/// no list of values.
pub(super) fn list_of_values(arguments: &[OsString]) -> Option<String> {
    let at = arguments.iter().position(|argument| argument == "--help" || argument == "-h")?;
    let option = arguments.get(at + 1)?.to_str()?.trim_start_matches('-');
    let mut command = &built();
    for word in &arguments[1..at] {
        command = command.find_subcommand(word).unwrap_or(command);
    }
    let argument = command.get_arguments().find(|argument| is_called(argument, option))?;
    let option = argument.get_long()?;
    let values = argument.get_possible_values();
    let width = values.iter().map(|value| value.get_name().len()).max()?;
    let about = argument.get_help().map(ToString::to_string).unwrap_or_default();
    let names: Vec<String> =
        argument.get_visible_aliases().unwrap_or_default().iter().map(|name| format!(", --{name}")).collect();
    let mut text = format!("--{option}{}: {about}\n\n", names.concat());
    for value in &values {
        let about = value.get_help().map(ToString::to_string).unwrap_or_default();
        let _ = writeln!(text, "  {:width$}  {about}", value.get_name());
    }
    Some(text)
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
pub fn write_manual_pages(folder: &Path) -> Result<()> {
    let written = std::fs::create_dir_all(folder).and_then(|()| write_page(&built(), folder));
    written.map_err(|cause| {
        Error::new(ExitCode::Internal, format!("{}: the manual pages cannot be written: {cause}", folder.display()))
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
