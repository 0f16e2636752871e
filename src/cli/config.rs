//! Options from a file.
//!
//! The keys of a TOML file, which are long names of options, become the default values of the subcommand in force: what
//! the command line says wins, and a bad value is refused by whatever refuses it there.

use super::Cli;
use crate::report::Options;
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Command, CommandFactory, Error};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// `command`, with the values of the file that the arguments name with `--config`, if they do.
///
/// # Errors
/// When the file cannot be read or is not TOML, or when a key is no option of the subcommand.
pub(super) fn with_defaults(mut command: Command, arguments: &[OsString]) -> Result<Command, Error> {
    let (Some(file), subcommands) = announced(&command, arguments) else { return Ok(command) };
    let table = read(&file).map_err(refused)?;
    for (key, value) in table {
        let refuse = |message: &str| refused(format!("{}: `{key}` {message}", file.display()));
        let words = words(&value).ok_or_else(|| refuse("must be a text, a number, true, false, or a list of them"))?;
        command = with_default(&command, &subcommands, &key, &words)
            .ok_or_else(|| refuse(&format!("is no option of halocg {}", subcommands.join(" "))))?;
    }
    Ok(command)
}

/// `message`, naming the file of the arguments if its values are to blame.
pub(super) fn blamed(message: Error, arguments: &[OsString]) -> Error {
    let mut plain = Cli::command();
    let (Some(file), _) = announced(&plain, arguments) else { return message };
    match plain.try_get_matches_from_mut(arguments) {
        Ok(_) => {
            let message = message.to_string();
            let first = message.trim_start_matches("error: ").split("\n\n").next().unwrap_or_default();
            refused(format!("{}: {first}", file.display()))
        }
        Err(_) => message,
    }
}

/// What the arguments came to, by long name; arguments without one by their own.
pub(super) fn in_force(command: &Command, matches: &ArgMatches) -> Options {
    let of = |argument: &Arg| {
        let name = argument.get_long().unwrap_or(argument.get_id().as_str()).to_string();
        // Arguments of another level are no error here.
        let values = matches.try_get_raw(argument.get_id().as_str()).ok().flatten()?;
        Some((name, values.map(|value| value.to_string_lossy().into_owned()).collect()))
    };
    let mut all: Options = command.get_arguments().filter_map(of).collect();
    if let Some((name, below)) = matches.subcommand()
        && let Some(inner) = command.find_subcommand(name)
    {
        all.extend(in_force(inner, below));
    }
    all
}

fn refused(message: String) -> Error {
    Error::raw(ErrorKind::ValueValidation, message + "\n")
}

/// The file, and the subcommands that the arguments lead to, the outermost first. Whatever is wrong with the other
/// arguments is left to the parse that follows.
fn announced(command: &Command, arguments: &[OsString]) -> (Option<PathBuf>, Vec<String>) {
    let (mut file, mut subcommands) = (None, Vec::new());
    // Nearly always there is none, and no need to parse twice.
    if !arguments.iter().any(|argument| argument.as_encoded_bytes().starts_with(b"--config")) {
        return (file, subcommands);
    }
    let Ok(matches) = command.clone().ignore_errors(true).try_get_matches_from(arguments) else {
        return (file, subcommands);
    };
    let mut level = &matches;
    loop {
        file = level.try_get_one::<PathBuf>("config").ok().flatten().cloned().or(file);
        let Some((name, below)) = level.subcommand() else { return (file, subcommands) };
        subcommands.push(name.to_string());
        level = below;
    }
}

fn read(file: &Path) -> Result<Table, String> {
    let name = file.display();
    let text = std::fs::read_to_string(file).map_err(|cause| format!("{name}: cannot be read: {cause}"))?;
    text.parse().map_err(|cause: toml::de::Error| {
        let line = cause.span().map_or(1, |span| 1 + text[..span.start].matches('\n').count());
        format!("{name}, line {line}: {}", cause.message())
    })
}

/// A value as it would be typed.
fn words(value: &Value) -> Option<Vec<String>> {
    let word = match value {
        Value::String(text) => text.clone(),
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => format!("{number:e}"),
        Value::Boolean(is_set) => is_set.to_string(),
        Value::Array(values) => return values.iter().map(words).collect::<Option<Vec<_>>>().map(|all| all.concat()),
        Value::Datetime(_) | Value::Table(_) => return None,
    };
    Some(vec![word])
}

/// The innermost subcommand that has the option gets its default; None if none has.
fn with_default(command: &Command, subcommands: &[String], key: &str, words: &[String]) -> Option<Command> {
    if let [name, below @ ..] = subcommands
        && let Some(changed) = with_default(command.find_subcommand(name)?, below, key, words)
    {
        return Some(command.clone().mut_subcommand(name, |_| changed));
    }
    let id = command.get_arguments().find(|argument| is_named(argument, key))?.get_id().clone();
    Some(command.clone().mut_arg(id, |argument| argument.required(false).default_values(words.to_vec())))
}

fn is_named(argument: &Arg, key: &str) -> bool {
    let may_be_set = !matches!(argument.get_action(), ArgAction::Help | ArgAction::Version) && key != "config";
    let is_alias = || argument.get_all_aliases().is_some_and(|aliases| aliases.contains(&key));
    may_be_set && (argument.get_long() == Some(key) || is_alias())
}
