//! Where and when a run was made, and how it may be made again.

use crate::comm::launcher;
use crate::performance::processor;
use serde::Serialize;
use std::time::{SystemTime, UNIX_EPOCH};

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
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Origin {
            started: utc(seconds),
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

/// Seconds since 1970 as date and time.
fn utc(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Years that begin with March, so that the 29th of February is the last day; from the year 0 on, 400 years at a time.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = 400 * era + year + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", rest / 3600, rest / 60 % 60, rest % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `date -u -d @SECONDS` says.
    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, date) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_798_761_599, "2026-12-31T23:59:59Z"),
            (1_798_761_600, "2027-01-01T00:00:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
        ] {
            assert_eq!(utc(seconds), date);
        }
    }

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
