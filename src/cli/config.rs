//! Options from a file.
//!
//! The keys of a TOML file, which are long names of options, are words that the command line might have held: those
//! that it does not give itself are added to it. So a value, a conflict, or an option that needs another one is looked
//! at like any other.

use super::Cli;
use super::documents::similar;
use super::petsc::advised;
use crate::report::Options;
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, CommandFactory, Error};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// What the arguments come to, and the file that they name with `--config`, if they do.
///
/// # Errors
/// Help, or what is wrong with the arguments; when the file cannot be read or is not TOML, or when it holds what is no
/// option of the subcommand, or does not go together with the arguments.
pub(super) fn matches(arguments: &[OsString]) -> Result<ArgMatches, Error> {
    let mut command = Cli::command();
    let alone = command.try_get_matches_from_mut(arguments);
    // Nearly always there is none, and no need to parse twice.
    if !arguments.iter().any(|argument| argument.as_encoded_bytes().starts_with(b"--config")) {
        return alone;
    }
    let lacks = match &alone {
        Ok(_) => false,
        // The file may have it.
        Err(error) if error.kind() == ErrorKind::MissingRequiredArgument => true,
        Err(_) => return alone,
    };
    let Ok(typed) = forgiving(Cli::command()).try_get_matches_from(arguments) else { return alone };
    let Some(file) = named(&typed) else { return alone };
    let words = words_of(&file, &mut command, &typed).map_err(refused)?;
    let end = arguments.iter().position(|argument| argument == "--").unwrap_or(arguments.len());
    let all = arguments[..end].iter().chain(&words).chain(&arguments[end..]);
    Cli::command().try_get_matches_from(all).map_err(|error| {
        // What was missing before, the file only does not have.
        let is_its_fault = !(lacks && error.kind() == ErrorKind::MissingRequiredArgument);
        if is_its_fault { blamed(&file, &advised(error)) } else { error }
    })
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

/// Refuses an option that names the file of options, which it might overwrite.
///
/// # Errors
/// When there is one.
pub(super) fn refuse_twice(in_force: &Options) -> crate::error::Result<()> {
    let place = |name: &String| std::fs::canonicalize(name).ok();
    let Some(file) = in_force.get("config").and_then(|names| names.first()).and_then(place) else { return Ok(()) };
    let mut others = in_force.iter().filter(|(name, _)| *name != "config");
    match others.find(|(_, values)| values.iter().filter_map(place).any(|other| other == file)) {
        Some((name, _)) => {
            Err(crate::error::Error::usage(format!("--{name} {}: this file is --config's as well", file.display())))
        }
        None => Ok(()),
    }
}

/// True if the option has this name, or one of PETSc's; an underscore is as good as a hyphen.
pub(super) fn is_called(argument: &Arg, name: &str) -> bool {
    let name = name.replace('_', "-");
    let is_alias = || argument.get_all_aliases().is_some_and(|aliases| aliases.contains(&name.as_str()));
    argument.get_long() == Some(&name) || is_alias()
}

/// The command, which takes what it understands of the arguments, and so do its subcommands.
fn forgiving(command: Command) -> Command {
    command.ignore_errors(true).mut_subcommands(forgiving)
}

fn refused(message: String) -> Error {
    Error::raw(ErrorKind::ValueValidation, message + "\n")
}

/// The error, naming the file that is to blame for it.
fn blamed(file: &Path, error: &Error) -> Error {
    let message = error.to_string();
    let is_of_command_line = |part: &&str| part.starts_with("Usage: ") || part.starts_with("For more information");
    let parts = message.trim_start_matches("error: ").trim_end().split("\n\n");
    let parts: Vec<&str> = parts.filter(|part| !is_of_command_line(part)).collect();
    refused(format!("{}: {}", file.display(), parts.join("\n\n")))
}

/// The file, wherever among the subcommands it stands.
fn named(typed: &ArgMatches) -> Option<PathBuf> {
    let below = typed.subcommand().and_then(|(_, below)| named(below));
    below.or_else(|| typed.try_get_one::<PathBuf>("config").ok().flatten().cloned())
}

fn read(file: &Path) -> Result<Table, String> {
    let name = file.display();
    let text = std::fs::read_to_string(file).map_err(|cause| format!("{name}: cannot be read: {cause}"))?;
    text.parse().map_err(|cause: toml::de::Error| {
        let line = cause.span().map_or(1, |span| 1 + text[..span.start].matches('\n').count());
        format!("{name}, line {line}: {}", cause.message())
    })
}

/// What the file adds to what was typed: options of the innermost subcommand, those of all subcommands among them.
fn words_of(file: &Path, command: &mut Command, typed: &ArgMatches) -> Result<Vec<OsString>, String> {
    command.build();
    let (mut innermost, mut level, mut name) = (&*command, typed, String::from("halocg"));
    while let Some((subcommand, below)) = level.subcommand()
        && let Some(inner) = innermost.find_subcommand(subcommand)
    {
        (innermost, level) = (inner, below);
        name += &format!(" {subcommand}");
    }
    let mut words = Vec::new();
    for (key, value) in read(file)? {
        let refuse = |message: &str| format!("{}: `{}` {message}", file.display(), key.escape_debug());
        let may_be_set = |argument: &&Arg| {
            !matches!(argument.get_action(), ArgAction::Help | ArgAction::Version)
                && argument.get_id().as_str() != "config"
        };
        let values =
            values(&value).ok_or_else(|| refuse("must be a text, a number, true, false, or a list of them"))?;
        let mut options = innermost.get_arguments().filter(may_be_set);
        let Some(option) = options.find(|argument| is_called(argument, &key)) else {
            let before: Vec<OsString> = name.split(' ').map(OsString::from).collect();
            return Err(refuse(&format!("is no option of {name}{}", similar(innermost, &before, &key))));
        };
        if gives_way(innermost, typed, option) {
            continue;
        }
        let long = option.get_long().expect("it was found by its name");
        match (option.get_action(), &value) {
            (ArgAction::SetTrue, Value::Boolean(true)) => words.push(format!("--{long}")),
            (ArgAction::SetTrue, Value::Boolean(false)) => (),
            (ArgAction::SetTrue, _) => return Err(refuse("must be true or false")),
            (ArgAction::Append, _) => words.extend(values.iter().map(|value| format!("--{long}={value}"))),
            // A list in one word, as in --solvers hs-cg,pr-cg.
            _ => words.push(format!("--{long}={}", values.join(","))),
        }
    }
    Ok(words.into_iter().map(OsString::from).collect())
}

/// True if the command line has the option of the file itself, or one that excludes it.
fn gives_way(command: &Command, typed: &ArgMatches, option: &Arg) -> bool {
    let excludes = |one: &Arg, other: &Arg| {
        command.get_arg_conflicts_with(one).iter().any(|excluded| excluded.get_id() == other.get_id())
    };
    let mut typed_options = command.get_arguments().filter(|other| is_typed(typed, other.get_id().as_str()));
    typed_options.any(|other| other == option || excludes(other, option) || excludes(option, other))
}

/// True if the command line has the option itself, at whichever subcommand.
fn is_typed(matches: &ArgMatches, id: &str) -> bool {
    let is_here =
        matches.ids().any(|known| known.as_str() == id) && matches.value_source(id) == Some(ValueSource::CommandLine);
    is_here || matches.subcommand().is_some_and(|(_, below)| is_typed(below, id))
}

/// A value as it would be typed.
fn values(value: &Value) -> Option<Vec<String>> {
    let word = match value {
        Value::String(text) => text.clone(),
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => format!("{number:?}"),
        Value::Boolean(is_set) => is_set.to_string(),
        Value::Array(all) => return all.iter().map(values).collect::<Option<Vec<_>>>().map(|all| all.concat()),
        Value::Datetime(_) | Value::Table(_) => return None,
    };
    Some(vec![word])
}
