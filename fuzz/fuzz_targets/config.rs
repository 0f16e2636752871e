//! A file of options, for the command line that the first byte chooses.
#![no_main]

use halocg::cli::{Cli, Instead};
use halocg_fuzz::path_of;
use libfuzzer_sys::fuzz_target;
use std::ffi::OsString;

const COMMANDS: [&str; 6] = ["solve f", "poisson -n 9", "model -n 9", "compare f", "compare poisson -n 9", "info f"];

fuzz_target!(|bytes: &[u8]| {
    let Some((&first, bytes)) = bytes.split_first() else { return };
    let command = COMMANDS[usize::from(first) % COMMANDS.len()];
    let mut words: Vec<OsString> = ["halocg"].into_iter().chain(command.split(' ')).map(OsString::from).collect();
    words.extend(["--config".into(), path_of(bytes).into()]);
    match Cli::from_arguments(words) {
        Ok(cli) => {
            if let Err(error) = cli.command.into_task() {
                assert_eq!(error.exit_code(), halocg::error::ExitCode::Usage, "{error}");
            }
        }
        Err(Instead::Message(message)) => {
            assert_eq!(message.exit_code(), 2, "{message}");
            let text = message.to_string();
            let is_plain = |c: char| !c.is_control() || c == '\n';
            assert!(!text.trim().is_empty() && text.chars().all(is_plain), "{text:?}");
        }
        Err(Instead::Values(text)) => panic!("help that nobody asked for: {text}"),
    }
});
