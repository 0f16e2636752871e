//! What is shown while a solve runs: a line that rewrites itself on a terminal, or a line per
//! iteration on request. Nothing in a pipe that did not ask.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// The voice of one rank; only the root's says anything.
pub struct Progress {
    monitor: bool,
    line: bool,
    shown: Option<Instant>,
    begin: Instant,
}

impl Progress {
    /// `monitor` prints every iterate to standard output, as PETSc's `-ksp_monitor` does.
    pub fn new(is_root: bool, monitor: bool) -> Progress {
        let line = is_root && !monitor && std::io::stderr().is_terminal();
        Progress { monitor: monitor && is_root, line, shown: None, begin: Instant::now() }
    }

    /// Shows an iterate, at most five times a second on the line.
    pub fn show(&mut self, iteration: u64, residual: f64, relative: f64) {
        if self.monitor {
            let _ = writeln!(std::io::stdout(), "{iteration:>6}  ||r|| {residual:.6e}  ||r||/||b|| {relative:.3e}");
        }
        if self.line && self.shown.map_or(self.begin, |shown| shown).elapsed() >= Duration::from_millis(200) {
            let _ = write!(std::io::stderr(), "\r\x1b[Kiteration {iteration}  ||r||/||b|| {relative:.2e}");
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
