//! What is shown while a solve runs: a line that rewrites itself on a terminal, or a line per
//! iteration on request. In a pipe, which is what launchers give to their ranks, a line now and then if that was asked for.

use super::forecast::Forecast;
use super::terminal::grouped;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// When the line of progress is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProgressLine {
    /// On a terminal, unless every iterate is printed.
    #[default]
    Auto,
    /// Always.
    On,
    /// Never.
    Off,
}

/// How often the line is rewritten on a terminal.
const ON_TERMINAL: Duration = Duration::from_millis(200);
/// How often there is another one elsewhere: seldom enough for a file that somebody is to read.
const ELSEWHERE: Duration = Duration::from_secs(10);

/// The voice of one rank; only the root's says anything.
pub struct Progress {
    monitor: bool,
    line: bool,
    is_terminal: bool,
    shown: Option<Instant>,
    begin: Instant,
    /// The first iterate seen here: not 0 after a restart.
    first: Option<u64>,
    forecast: Forecast,
}

impl Progress {
    /// `monitor` prints every iterate to standard output, as PETSc's `-ksp_monitor` does. The solve ends when the relative
    /// residual falls to `target`; 0 if something else ends it.
    pub fn new(is_root: bool, monitor: bool, line: ProgressLine, target: f64) -> Progress {
        let is_terminal = std::io::stderr().is_terminal();
        let wanted = match line {
            ProgressLine::Auto => is_terminal && !monitor,
            ProgressLine::On => true,
            ProgressLine::Off => false,
        };
        let (monitor, line, forecast) = (monitor && is_root, wanted && is_root, Forecast::new(target));
        Progress { monitor, line, is_terminal, shown: None, begin: Instant::now(), first: None, forecast }
    }

    /// Shows an iterate, at most five times a second on the line, every ten seconds and the first one where it stays.
    pub fn show(&mut self, iteration: u64, residual: f64, relative: f64) {
        if self.monitor {
            let _ = writeln!(std::io::stdout(), "{iteration:>6}  ||r|| {residual:.6e}  ||r||/||b|| {relative:.3e}");
        }
        if !self.line {
            return;
        }
        self.forecast.see(iteration, relative);
        let done = iteration - *self.first.get_or_insert(iteration);
        let is_due = match (self.is_terminal, self.shown) {
            (true, shown) => shown.unwrap_or(self.begin).elapsed() >= ON_TERMINAL,
            (false, shown) => shown.is_none_or(|shown| shown.elapsed() >= ELSEWHERE),
        };
        if is_due {
            let ahead = self.forecast.iterations_left().filter(|_| done > 0).map_or(String::new(), |left| {
                let seconds = self.begin.elapsed().as_secs_f64() / done as f64 * left as f64;
                format!("  about {} iterations and {} to go", grouped(left), clock(seconds))
            });
            let (begin, end) = if self.is_terminal { ("\r\x1b[K", "") } else { ("", "\n") };
            // At once, lest a launcher put another rank's words in between.
            let line = format!("{begin}iteration {iteration}  ||r||/||b|| {relative:.2e}{ahead}{end}");
            let _ = std::io::stderr().write_all(line.as_bytes());
            self.shown = Some(Instant::now());
        }
    }

    /// Clears the line.
    pub fn done(self) {
        if self.is_terminal && self.shown.is_some() {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

/// Seconds as one would say them: 8 s, 2:05 min, 3:20 h.
fn clock(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        0..60 => format!("{whole} s"),
        60..3600 => format!("{}:{:02} min", whole / 60, whole % 60),
        _ => format!("{}:{:02} h", whole / 3600, whole / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_as_one_says_them() {
        let said = [0.4, 59.0, 125.0, 3600.0, 12_000.0, 1e9].map(clock);
        assert_eq!(said, ["0 s", "59 s", "2:05 min", "1:00 h", "3:20 h", "277777:46 h"]);
    }
}
