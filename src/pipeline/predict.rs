//! What a machine would make of a matrix on more ranks.

use super::{describe, distribute, show};
use crate::comm::{Comm, Op};
use crate::error::{Error, ExitCode, Result};
use crate::krylov::{Kind, Preconditioning, TABLE};
use crate::operator::{FORMATS, MatrixOptions, Schedule};
use crate::partition::{self, Partition, Quality};
use crate::performance::{Cut, Machine, Network, SCHEMA, Share};
use crate::problem::{self, Source};
use crate::report::{Prediction, PredictionLine, prediction_table};
use std::path::{Path, PathBuf};

/// A prediction, as asked for.
#[derive(Clone, Debug)]
pub struct PredictJob {
    /// The matrix. Not the dense problem.
    pub source: Source,
    /// File of the machine.
    pub machine: PathBuf,
    /// Between groups of ranks like the measured one; None if all is as inside.
    pub network: Option<Network>,
    /// The largest number of ranks.
    pub ranks: usize,
    /// How rows are given to ranks.
    pub partition: Partition,
    /// None or diagonal.
    pub preconditioning: Preconditioning,
}

/// Partitions the matrix for 1, 2, 4 ... ranks, asks the model, and prints the table. Collective.
///
/// # Errors
/// An unreadable machine or matrix, an impossible partition; the same on every rank.
pub fn predict(comm: &Comm, job: &PredictJob) -> Result<ExitCode> {
    let machine = read_machine(comm, &job.machine)?;
    if machine.ranks == 1 && job.network.is_none() && job.ranks > 1 {
        return Err(Error::usage(format!(
            "{}: was measured on one rank, so it says nothing about sums: measure it on more, or give --hop-us",
            job.machine.display()
        )));
    }
    let problem = problem::load(comm, &job.source)?;
    let options = MatrixOptions { schedule: Schedule::Overlap, ..MatrixOptions::default() };
    let facts = distribute(comm, &job.source, &problem, &job.partition, &options)?.facts;
    let (_, storage) = facts.expect("only the dense problem has no storage");
    // Most ranks' format; a matrix that is not assembled is made of runs.
    let most = storage.ranks_by_format.iter().max_by_key(|(_, ranks)| **ranks).map_or("", |(name, _)| name);
    let format = FORMATS.iter().find(|format| format.name == most).map_or("runs", |format| format.name);

    let mut lines = Vec::new();
    let counts = std::iter::successors(Some(1), |ranks| Some(2 * ranks));
    for ranks in counts.take_while(|&ranks| ranks <= job.ranks && ranks as u64 <= problem.n()) {
        let owners = partition::assign_parts(comm, &problem, &job.partition, ranks)?;
        let quality = Quality::of(comm, &problem, &owners, ranks);
        let there = machine.on(ranks, job.network.as_ref());
        let shares: Vec<Share> =
            quality.loads.iter().map(|load| Share::estimated(load, storage.bytes_per_row, format)).collect();
        // The slowest part's, in microseconds.
        let slowest = |kind: &Kind, cut| {
            let times = shares.iter().map(|share| 1e6 * there.iteration(share, kind, job.preconditioning, cut));
            let mut most = [times.fold(0.0, f64::max)];
            comm.reduce_f64(Op::Max, &mut most);
            most[0]
        };
        let times = TABLE.iter().rev().map(|kind| {
            let cut = if kind.sweeps { Cut::OneSweep } else { Cut::Passes };
            (kind.name, slowest(kind, Cut::Passes).min(slowest(kind, cut)))
        });
        let times = times.collect();
        let most = |of: fn(&Share) -> f64| {
            let mut most = [shares.iter().map(of).fold(0.0, f64::max)];
            comm.reduce_f64(Op::Max, &mut most);
            most[0] as u64
        };
        lines.push(PredictionLine {
            ranks,
            rows: most(|share| share.rows),
            ghosts: most(|share| share.ghosts),
            neighbours: most(|share| share.messages),
            sum_us: 1e6 * there.sum.nonblocking,
            times_us: times,
        });
    }
    let prediction = Prediction {
        problem: describe(&job.source),
        partition: job.partition.name(),
        measured_ranks: machine.ranks,
        has_network: job.network.is_some(),
        lines,
    };
    comm.agree(show(comm, || prediction_table(&prediction)))?;
    Ok(ExitCode::Converged)
}

/// Rank 0 reads. Collective.
fn read_machine(comm: &Comm, path: &Path) -> Result<Machine> {
    let parse = || {
        let text = std::fs::read_to_string(path).map_err(|cause| Error::io("read it", path, &cause))?;
        let machine: Machine = serde_json::from_str(&text).map_err(|cause| {
            Error::input(format!("{}: not a machine as halocg machine --json writes it: {cause}", path.display()))
        })?;
        if machine.schema != SCHEMA || machine.ranks == 0 {
            return Err(Error::input(format!(
                "{}: its schema is {:?}, this halocg reads {SCHEMA:?}: measure the machine anew",
                path.display(),
                machine.schema
            )));
        }
        Ok(Some(machine))
    };
    let read = comm.agree(if comm.is_root() { parse() } else { Ok(None) })?;
    let text = read.map(|machine| serde_json::to_vec(&machine).expect("it came from JSON")).unwrap_or_default();
    Ok(serde_json::from_slice(&comm.broadcast(0, &text)).expect("rank 0 wrote it"))
}
