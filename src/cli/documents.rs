//! What can be said of the arguments, made from the arguments themselves: lists of values, manual pages, completions.

use super::Cli;
use super::config::is_called;
use crate::error::{Error, ExitCode, Result};
use clap::error::{ContextKind, ContextValue};
use clap::{Arg, Command, CommandFactory};
use clap_complete::Shell;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::Path;

/// The answer to `--help WORD`: what an option is, and its values, a line each, if there is a list of them; the help of a
/// subcommand; or all help, and that there is nothing of that name. None if no word was asked about.
pub(super) fn answer(arguments: &[OsString]) -> Option<String> {
    let joined = |argument: &OsString| Some(argument.to_str()?.strip_prefix("--help=")?.to_string());
    let asks = |argument: &OsString| argument == "--help" || argument == "-h" || joined(argument).is_some();
    let typed = arguments.iter().skip(1);
    let at = 1 + typed.take_while(|argument| *argument != "--").position(asks)?;
    let word = &joined(&arguments[at]).or_else(|| Some(arguments.get(at + 1)?.to_str()?.to_string()))?;
    let name = word.trim_start_matches('-');
    let all = built();
    let mut command = &all;
    for word in &arguments[1..at] {
        command = command.find_subcommand(word).unwrap_or(command);
    }
    let whole = |command: &Command| command.clone().render_long_help().to_string();
    if let Some(below) = command.find_subcommand(name) {
        return Some(whole(below));
    }
    let is_it = |argument: &&Arg| {
        // With more behind it, -o belongs to the command that -h was put into.
        let is_last = at + 2 == arguments.len() || joined(&arguments[at]).is_some();
        let is_asked = !word.starts_with('-') || word.starts_with("--") || is_last;
        let is_letter = is_asked && argument.get_short().is_some_and(|letter| name.chars().eq([letter]));
        let is_place = argument.is_positional() && argument.get_id().as_str().eq_ignore_ascii_case(name);
        is_called(argument, name) || is_letter || is_place
    };
    let option = |command: &Command| command.get_arguments().find(is_it).map(about);
    // Where none has been named, the first subcommand that has it.
    let of_subcommands = || command.get_subcommands().find_map(option);
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic());
    let beside = || all.find_subcommand(name).map(whole);
    option(command).or_else(of_subcommands).or_else(beside).or_else(|| {
        let similar = similar(command, &arguments[..at], name);
        is_name.then(|| format!("{}\nThere is nothing about {word}{similar}.\n", whole(command)))
    })
}

/// An option by itself.
fn about(argument: &Arg) -> String {
    let short = argument.get_short().map_or(String::new(), |letter| format!("-{letter}, "));
    let aliases = argument.get_visible_aliases().unwrap_or_default();
    let aliases: Vec<String> = aliases.iter().map(|name| format!(", --{name}")).collect();
    let about = argument.get_long_help().or(argument.get_help()).map(ToString::to_string).unwrap_or_default();
    let defaults = argument.get_default_values().iter().map(|value| value.to_string_lossy());
    let default = match defaults.collect::<Vec<_>>().join(" ") {
        words if words.is_empty() || !argument.get_action().takes_values() => String::new(),
        words => format!(" [default: {words}]"),
    };
    let mut text = format!("{short}{argument}{}: {about}{default}\n", aliases.concat());
    let values = argument.get_possible_values();
    let width = values.iter().map(|value| value.get_name().len()).max().unwrap_or(0);
    for (value, gap) in values.iter().zip(["\n"].into_iter().chain(std::iter::repeat(""))) {
        let about = value.get_help().map(ToString::to_string).unwrap_or_default();
        let _ = writeln!(text, "{gap}  {:width$}  {about}", value.get_name());
    }
    text
}

/// What may have been meant by a name that is none.
pub(super) fn similar(command: &Command, before: &[OsString], name: &str) -> String {
    let word = if command.has_subcommands() { name.into() } else { format!("--{name}") };
    let words = before.iter().cloned().chain([OsString::from(word)]);
    let error = Cli::command().try_get_matches_from(words).err();
    let found = error
        .as_ref()
        .and_then(|error| error.get(ContextKind::SuggestedArg).or_else(|| error.get(ContextKind::SuggestedSubcommand)));
    match found {
        Some(ContextValue::String(found)) => format!("; there is {found}"),
        Some(ContextValue::Strings(found)) => format!("; there is {}", found.join(", ")),
        _ => String::new(),
    }
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
    clap_mangen::Man::new(command.clone()).title(&name).render(&mut page)?;
    std::fs::write(folder.join(format!("{name}.1")), page)?;
    command.get_subcommands().try_for_each(|below| write_page(below, folder))
}

/// The arguments with what clap adds to them. (A page on `help` would say nothing.)
fn built() -> Command {
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    command
}
