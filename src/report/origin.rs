//! Where and when a run was made, and how it may be made again.

use crate::comm::launcher;
use crate::performance::processor;
use serde::Serialize;
use std::time::SystemTime;

/// Where and when, of rank 0.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Origin {
    /// When it began, in UTC: `2026-11-29T00:55:59Z`.
    pub started: String,
    /// The folder that the names of files on the command line start from.
    pub folder: String,
    /// The command line with which a shell in that folder makes the run again, launcher included.
    pub again: String,
    /// Name of the computer.
    pub host: String,
    /// Name of its processor.
    pub processor: String,
    /// On how many processors (hardware threads) the rank may run.
    pub processors: usize,
}

impl Origin {
    /// Of this process, now.
    pub fn here(command: &[String]) -> Origin {
        Origin {
            started: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
            folder: std::env::current_dir().map_or(String::new(), |folder| folder.display().to_string()),
            again: again(command, launcher::words()),
            host: sysinfo::System::host_name().unwrap_or_default(),
            processor: processor(),
            processors: std::thread::available_parallelism().map_or(1, usize::from),
        }
    }
}

/// The command line for a shell; ranks that a launcher started need one again. Those of threads are among the options.
fn again(command: &[String], launcher: Option<String>) -> String {
    let words: Vec<String> = launcher.into_iter().chain(command.iter().map(|word| quoted(word))).collect();
    words.join(" ")
}

/// A word as a shell has to be given it.
pub(crate) fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+%@".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.into()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_for_a_shell() {
        assert_eq!(quoted("a b'c"), r"'a b'\''c'");
        assert_eq!(quoted("--rtol=1e-8"), "--rtol=1e-8");
        assert_eq!(quoted(""), "''");
        let command = ["./halocg", "solve", "a b.mtx"].map(String::from);
        assert_eq!(again(&command, None), "./halocg solve 'a b.mtx'");
        assert_eq!(again(&command, Some("mpirun -n 4".into())), "mpirun -n 4 ./halocg solve 'a b.mtx'");
    }
}
