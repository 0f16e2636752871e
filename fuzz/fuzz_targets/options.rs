//! Command lines: a word per line. A line of the byte 1 and another byte is a word that halocg knows.
#![no_main]

use clap::{Command, CommandFactory, FromArgMatches};
use halocg::cli::Cli;
use libfuzzer_sys::fuzz_target;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::sync::{LazyLock, Mutex};

/// The parser, built once: that takes longer than to parse with it.
static COMMAND: LazyLock<Mutex<Command>> = LazyLock::new(|| Mutex::new(Cli::command()));

/// Names of commands and options with their aliases, and the values they take; from the parser itself, so that no
/// option is forgotten.
static WORDS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let mut words = vec!["-n".to_string(), "-1".to_string(), "1e300".to_string(), "file:f".to_string()];
    collect(&Cli::command(), &mut words);
    words.sort();
    words.dedup();
    words
});

fn collect(command: &Command, words: &mut Vec<String>) {
    words.push(command.get_name().to_string());
    for argument in command.get_arguments() {
        words.extend(argument.get_long_and_visible_aliases().unwrap_or_default().iter().map(|name| format!("--{name}")));
        words.extend(argument.get_all_aliases().unwrap_or_default().iter().map(|name| format!("--{name}")));
        words.extend(argument.get_possible_values().iter().map(|value| value.get_name().to_string()));
    }
    for command in command.get_subcommands() {
        collect(command, words);
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut words = vec![OsString::from("halocg")];
    for line in bytes.split(|&byte| byte == b'\n') {
        words.push(match line {
            [1, number] => WORDS[usize::from(*number) % WORDS.len()].clone().into(),
            [1, low, high] => WORDS[(usize::from(*low) + 256 * usize::from(*high)) % WORDS.len()].clone().into(),
            _ => OsString::from_vec(line.to_vec()),
        });
    }
    let matches = COMMAND.lock().expect("no panic is caught").try_get_matches_from_mut(words);
    if let Ok(cli) = matches.and_then(|matches| Cli::from_arg_matches(&matches))
        && let Err(error) = cli.command.into_task()
    {
        assert_eq!(error.exit_code(), halocg::error::ExitCode::Usage, "{error}");
    }
});
