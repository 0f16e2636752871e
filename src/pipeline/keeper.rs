//! Keeps a solve from being lost: checkpoints, a time limit, and signals that ask for an end.

use super::Job;
use crate::checkpoint::{self, Identity};
use crate::comm::{Comm, launcher};
use crate::distributed::Layout;
use crate::error::{Error, Result};
use crate::faults;
use crate::krylov::{self, Begin, Reason, Replacement, Saved, Settings, Snapshot, StopOn, Turn, Watch};
use crate::problem::{Problem, fingerprint};
use crate::report::{CheckpointFacts, Progress, quoted};
use crate::signals;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// What is done about checkpoints and time.
#[derive(Clone, Debug, Default)]
pub struct Checkpointing {
    /// Where the state is saved, if anywhere.
    pub file: Option<PathBuf>,
    /// How often.
    pub every: Every,
    /// Where a solve that is to go on was saved.
    pub restart: Option<PathBuf>,
    /// Seconds after the start of the job at which the solve is to end.
    pub max_seconds: Option<f64>,
}

/// How often the state is saved.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Every {
    /// After so many seconds.
    Seconds(f64),
    /// Before every iteration whose number is a multiple of this.
    Iterations(u64),
}

impl Default for Every {
    fn default() -> Every {
        Every::Seconds(600.0)
    }
}

/// What a rank's word in the sums says: 1 for a signal, so that they count ranks, and these, from rank 0.
const LATE: u64 = 1 << 32;
const DUE: u64 = 1 << 33;

pub(super) struct Keeper<'a> {
    comm: Comm,
    job: &'a Job,
    /// The method, chosen or asked for.
    solver: &'static krylov::Kind,
    identity: Option<Identity>,
    progress: Progress,
    /// What the residuals shown are measured against.
    reference: f64,
    /// When the solve has to end.
    deadline: Option<Instant>,
    saved: Instant,
    facts: CheckpointFacts,
    /// Why the last checkpoint could not be written.
    failure: Option<Error>,
}

impl<'a> Keeper<'a> {
    /// `begin` is when the job began. Collective.
    pub(super) fn new(
        job: &'a Job,
        solver: &'static krylov::Kind,
        layout: &Layout,
        problem: &Problem,
        b: &[f64],
        reference: f64,
        begin: Instant,
    ) -> Keeper<'a> {
        let comm = layout.comm().clone();
        let Checkpointing { file, restart, max_seconds, .. } = &job.checkpointing;
        let identity = (file.is_some() || restart.is_some()).then(|| identify(job, solver, layout, problem, b));
        signals::attend();
        let Settings { rtol, atol, stop_on, .. } = &job.settings;
        let target = if *stop_on == StopOn::Residual { rtol.max(atol / reference) } else { 0.0 };
        let limit = max_seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        Keeper {
            progress: Progress::new(comm.is_root(), job.monitor, job.progress, target),
            comm,
            job,
            solver,
            identity,
            reference,
            deadline: limit.and_then(|limit| begin.checked_add(limit)),
            saved: Instant::now(),
            facts: CheckpointFacts::default(),
            failure: None,
        }
    }

    /// Where the solve begins. Collective.
    ///
    /// # Errors
    /// When there is no going on from the file.
    pub(super) fn begin<'b>(&mut self, layout: &Layout, x0: Option<&'b [f64]>) -> Result<Begin<'b>> {
        let (Some(path), Some(identity)) = (&self.job.checkpointing.restart, &self.identity) else {
            return Ok(Begin::At(x0));
        };
        faults::enter(self.comm.rank(), "restart");
        let (saved, same_owners) = checkpoint::read(layout, path, identity)?;
        self.facts.restarted_at = Some(saved.iteration);
        // Another M would make nonsense of the directions.
        self.facts.begun_anew = !same_owners && !self.job.preconditioner.independent_of_partition;
        Ok(if self.facts.begun_anew { Begin::Anew(saved) } else { Begin::From(saved) })
    }

    /// When the state that was read is not one of this method.
    pub(super) fn misfit(&self) -> Error {
        let file = self.job.checkpointing.restart.as_ref().map_or(String::new(), |path| path.display().to_string());
        Error::input(format!(
            "{file}: does not hold the state of {}; another halocg may have written it",
            self.solver.name
        ))
    }

    /// What to say of it in the end; and what went wrong with the last checkpoint, if there is need of it.
    pub(super) fn done(self, reason: Reason) -> (CheckpointFacts, Option<Error>) {
        self.progress.done();
        self.comm.ride(0.0);
        let mut facts = self.facts;
        let is_limited = matches!(reason, Reason::IterationLimit | Reason::TimeLimit | Reason::Interrupted);
        if let (true, Some(file)) = (is_limited, &facts.file) {
            let words = std::env::args_os().map(|word| word.to_string_lossy().into_owned());
            // Under the same limit there would be nothing to do.
            let reached = self.job.settings.max_iterations.max(facts.saved_at.unwrap_or(0)).max(1);
            let limit = (reason == Reason::IterationLimit).then(|| reached.saturating_mul(2));
            let line = go_on(words, file, limit, self.job.solver.is_none().then_some(self.solver.name));
            facts.go_on = Some(launcher::words().into_iter().chain([line]).collect::<Vec<_>>().join(" "));
        }
        (facts, self.failure.filter(|_| is_limited))
    }

    /// This rank's word in the sums to come.
    fn wish(&self) -> u64 {
        let mut word = u64::from(signals::asked());
        if self.comm.is_root() {
            if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                word += LATE;
            }
            let Checkpointing { file, every, .. } = &self.job.checkpointing;
            if let (Some(_), Every::Seconds(period)) = (file, every)
                && self.saved.elapsed().as_secs_f64() >= *period
            {
                word += DUE;
            }
        }
        word
    }
}

impl Watch for Keeper<'_> {
    fn observe(&mut self, Snapshot { iteration, record, .. }: Snapshot) {
        let residual = record.residual;
        if self.reference == 0.0 && residual > 0.0 {
            self.reference = residual; // as the solve does with b = 0
        }
        let relative = if self.reference > 0.0 { residual / self.reference } else { 0.0 };
        self.progress.show(iteration, residual, relative);
    }

    fn turn(&mut self, iteration: u64, settings: &Settings) -> Turn {
        // What all ranks have heard in the same sum, and so act upon alike.
        let heard = self.comm.heard() as u64;
        self.comm.ride(self.wish() as f64);
        let end = match (heard & (LATE - 1) > 0, heard & LATE > 0) {
            (true, _) => Some(Reason::Interrupted),
            (_, true) => Some(Reason::TimeLimit),
            _ => None,
        };
        let is_last = end.is_some() || iteration >= settings.max_iterations;
        let is_due = match self.job.checkpointing.every {
            Every::Iterations(period) => iteration.is_multiple_of(period),
            Every::Seconds(_) => heard & DUE > 0,
        };
        Turn { save: self.job.checkpointing.file.is_some() && (is_last || is_due), end }
    }

    fn save(&mut self, layout: &Layout, saved: Saved) {
        let (Some(path), Some(identity)) = (&self.job.checkpointing.file, &self.identity) else {
            return;
        };
        let iteration = saved.iteration;
        faults::enter(self.comm.rank(), "checkpoint");
        let start = Instant::now();
        self.failure = match checkpoint::write(layout, path, identity, saved) {
            Ok(()) => {
                self.facts.saved_at = Some(iteration);
                self.facts.file = Some(path.display().to_string());
                None
            }
            Err(error) => {
                // No reason to lose the solve as well.
                if self.comm.is_root() {
                    let warning = format!("halocg: warning: no checkpoint at iteration {iteration}: {error}\n");
                    let _ = std::io::stderr().write_all(warning.as_bytes());
                }
                Some(error)
            }
        };
        self.saved = Instant::now();
        self.facts.seconds += (self.saved - start).as_secs_f64();
        self.comm.ride(self.wish() as f64);
    }
}

/// Collective.
fn identify(job: &Job, solver: &krylov::Kind, layout: &Layout, problem: &Problem, b: &[f64]) -> Identity {
    let comm = layout.comm();
    let rows = layout.rows();
    let replaced = match job.settings.replacement {
        Replacement::WhenNeeded => String::new(),
        Replacement::Every(period) => format!(", residual replaced every {period} iterations"),
        Replacement::Never => ", residual never replaced".into(),
    };
    let preconditioner = job.preconditioner.label(&job.preconditioning);
    let reproducible = if job.reproducible { ", reproducible" } else { "" };
    Identity {
        n: layout.n(),
        matrix: problem.fingerprint(comm),
        rhs: fingerprint(comm, rows.iter().zip(b).map(|(&row, b)| [row, b.to_bits()])),
        owners: fingerprint(comm, rows.iter().enumerate().map(|(k, &row)| [row, comm.rank() as u64, k as u64])),
        method: format!("{} with preconditioner {preconditioner}{replaced}{reproducible}", solver.name),
    }
}

/// The command line that goes on from `file`, with another iteration limit if there is one to give, and with the method
/// if it was chosen: next time it could be another one.
fn go_on(mut words: impl Iterator<Item = String>, file: &str, limit: Option<u64>, chosen: Option<&str>) -> String {
    let mut line = Vec::new();
    while let Some(word) = words.next() {
        let (option, value) = word.split_once('=').map_or((&word[..], None), |(option, value)| (option, Some(value)));
        let is_limit = ["--max-it", "--ksp-max-it", "--ksp_max_it"].contains(&option) && limit.is_some();
        let is_solver = ["--solver", "--ksp-type", "--ksp_type", "--method"].contains(&option) && chosen.is_some();
        if !is_limit && !is_solver && !["--restart", "--x0"].contains(&option) {
            line.push(quoted(&word));
        } else if value.is_none() {
            words.next();
        }
    }
    let limit = limit.map(|limit| format!("--max-it {limit}"));
    let chosen = chosen.map(|chosen| format!("--solver {chosen}"));
    let between = if file.starts_with('-') { '=' } else { ' ' };
    let restart = format!("--restart{between}{}", quoted(file));
    let more = limit.into_iter().chain(chosen).chain([restart]);
    // Behind a -- there are no options.
    let end = line.iter().position(|word| word == "--").unwrap_or(line.len());
    line.splice(end..end, more);
    line.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_to_go_on_with_is_fit_for_a_shell() {
        let words = ["halocg", "solve", "a b.mtx", "--restart", "old", "--max-it=9", "--x0", "x", "--rhs", "it's"];
        let words = || words.into_iter().map(String::from);
        let line = go_on(words(), "new file", None, None);
        assert_eq!(line, r"halocg solve 'a b.mtx' --max-it=9 --rhs 'it'\''s' --restart 'new file'");
        let line = go_on(["halocg", "solve", "--", "-a.mtx"].into_iter().map(String::from), "c", Some(8), None);
        assert_eq!(line, "halocg solve --max-it 8 --restart c -- -a.mtx");
        assert!(go_on(words(), "-new", None, None).ends_with(" --restart=-new"));
        let line = go_on(words(), "new", Some(18), None);
        assert_eq!(line, r"halocg solve 'a b.mtx' --rhs 'it'\''s' --max-it 18 --restart new");
        let words = ["halocg", "solve", "a.mtx", "--solver", "auto", "--ksp-type=auto"].into_iter().map(String::from);
        assert_eq!(go_on(words, "new", None, Some("pr-cg")), "halocg solve a.mtx --solver pr-cg --restart new");
    }
}
