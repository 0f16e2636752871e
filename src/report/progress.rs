//! What is shown while a solve runs: a line that rewrites itself on a terminal, or a line per
//! iteration on request. Nothing in a pipe that did not ask.

use super::forecast::Forecast;
use super::terminal::grouped;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// The voice of one rank; only the root's says anything.
pub struct Progress {
    monitor: bool,
    line: bool,
    shown: Option<Instant>,
    begin: Instant,
    /// The first iterate seen here: not 0 after a restart.
    first: Option<u64>,
    forecast: Forecast,
}

impl Progress {
    /// `monitor` prints every iterate to standard output, as PETSc's `-ksp_monitor` does. The solve ends when the relative
    /// residual falls to `target`; 0 if something else ends it.
    pub fn new(is_root: bool, monitor: bool, target: f64) -> Progress {
        let line = is_root && !monitor && std::io::stderr().is_terminal();
        let forecast = Forecast::new(target);
        Progress { monitor: monitor && is_root, line, shown: None, begin: Instant::now(), first: None, forecast }
    }

    /// Shows an iterate, at most five times a second on the line.
    pub fn show(&mut self, iteration: u64, residual: f64, relative: f64) {
        if self.monitor {
            let _ = writeln!(std::io::stdout(), "{iteration:>6}  ||r|| {residual:.6e}  ||r||/||b|| {relative:.3e}");
        }
        if !self.line {
            return;
        }
        self.forecast.see(iteration, relative);
        let done = iteration - *self.first.get_or_insert(iteration);
        if self.shown.unwrap_or(self.begin).elapsed() >= Duration::from_millis(200) {
            let ahead = self.forecast.iterations_left().filter(|_| done > 0).map_or(String::new(), |left| {
                let seconds = self.begin.elapsed().as_secs_f64() / done as f64 * left as f64;
                format!("  about {} iterations and {} to go", grouped(left), clock(seconds))
            });
            let _ = write!(std::io::stderr(), "\r\x1b[Kiteration {iteration}  ||r||/||b|| {relative:.2e}{ahead}");
            self.shown = Some(Instant::now());
        }
    }

    /// Clears the line.
    pub fn done(self) {
        if self.shown.is_some() {
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
