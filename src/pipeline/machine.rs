//! A machine, measured and modelled.

use super::outputs::{Results, check_files};
use super::show;
use crate::comm::Comm;
use crate::error::{ExitCode, Result};
use crate::files::write_file;
use crate::performance::{Effort, check, measure};
use crate::report::MachineReport;
use std::io::Write as _;
use std::path::Path;

/// Measures this machine, checks the model against it, prints both and writes the file if one is named. Collective.
///
/// # Errors
/// When the file cannot be written; the same on every rank.
pub fn machine(comm: &Comm, effort: Effort, json: Option<&Path>) -> Result<ExitCode> {
    let tell = |what: &str| {
        if comm.is_root() {
            let _ = writeln!(std::io::stderr(), "halocg machine: {what}");
        }
    };
    check_files(comm, &[], &[("--json", json)])?;
    tell("bandwidth, products, sums, exchanges");
    let machine = measure(comm, effort);
    let checks = check(comm, &machine, effort, tell)?;
    let report = MachineReport::new(machine, checks);
    let shown = show(comm, || report.table());
    let mut results = Results::new(comm);
    results.by_root(json, |path| write_file(path, report.json().as_bytes()));
    results.finish(shown)?;
    Ok(ExitCode::Converged)
}
