//! A partition made beforehand: load, decide, count, write.

use super::outputs::{Results, check_files, of_source};
use super::{describe, show};
use crate::comm::{Comm, Op};
use crate::error::{ExitCode, Result};
use crate::files::write_file;
use crate::partition::{self, Message, Partition, Quality};
use crate::problem::{self, Source};
use crate::report::{self, CommMatrix, Machine, PartitionFacts, PartitionRun, PartitionSeconds, Spread};
use std::path::{Path, PathBuf};

/// A partition, as asked for.
#[derive(Clone, Debug)]
pub struct PartitionJob {
    /// The matrix. Not the dense problem.
    pub source: Source,
    /// Ranks of the later run.
    pub parts: usize,
    /// How.
    pub partition: Partition,
    /// File for the part of every row.
    pub output: Option<PathBuf>,
    /// Picture of the messages.
    pub comm_matrix: Option<PathBuf>,
    /// The report as JSON.
    pub json: Option<PathBuf>,
}

/// Makes a partition, writes it, prints what it will cost. Collective.
///
/// # Errors
/// Whatever went wrong; the same on every rank.
pub fn partition(comm: &Comm, job: &PartitionJob) -> Result<ExitCode> {
    let written = [("--output", &job.output), ("--comm-matrix", &job.comm_matrix), ("--json", &job.json)];
    check_files(comm, &[of_source(&job.source)], &written.map(|(option, path)| (option, path.as_deref())))?;
    let start = comm.clock_seconds();
    let problem = problem::load(comm, &job.source)?;
    let loaded = comm.clock_seconds();
    let owners = partition::assign_parts(comm, &problem, &job.partition, job.parts)?;
    let assigned = comm.clock_seconds();
    let quality = Quality::of(comm, &problem, &owners, job.parts);
    let counted = comm.clock_seconds();
    let mut results = Results::new(comm);
    results.by_all(job.output.as_deref(), |path| partition::write(comm, problem.n(), &owners, path));
    let written = comm.clock_seconds();

    let slowest = |seconds: f64| Spread::over(comm, seconds).max;
    let run = PartitionRun {
        schema: report::PARTITION_SCHEMA,
        version: env!("CARGO_PKG_VERSION"),
        command: std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect(),
        machine: Machine { ranks: comm.size(), engine: comm.describe() },
        name: describe(&job.source),
        rows: problem.n(),
        nonzeros: comm.reduced(Op::Sum, quality.loads.iter().map(|load| load.nonzeros).sum()),
        mesh: problem.mesh_facts().cloned(),
        parts: job.parts,
        partition: PartitionFacts::of_parts(comm, &job.partition, &quality),
        output: job.output.as_ref().map(|path| path.display().to_string()),
        seconds: PartitionSeconds {
            load: slowest(loaded - start),
            partition: slowest(assigned - loaded),
            count: slowest(counted - assigned),
            write: slowest(written - counted),
        },
    };
    results.by_all(job.comm_matrix.as_deref(), |path| {
        draw(comm, &quality.messages, job.parts, &format!("{}, {}", run.name, run.partition.method), path)
    });
    let shown = show(comm, || report::partition_summary(&run));
    results.by_root(job.json.as_deref(), |path| write_file(path, report::partition_json(&run).as_bytes()));
    results.finish(shown)?;
    Ok(ExitCode::Converged)
}

/// Draws the messages of all ranks. Collective.
pub(super) fn draw(comm: &Comm, messages: &[Message], parts: usize, title: &str, path: &Path) -> Result<()> {
    let picture = picture(comm, messages, parts, title);
    comm.agree(if comm.is_root() {
        let is_png = path.extension().is_some_and(|ending| ending == "png");
        write_file(path, &if is_png { picture.png() } else { picture.svg().into_bytes() })
    } else {
        Ok(())
    })
}

/// The messages of all ranks, on the root. Collective.
pub(super) fn picture(comm: &Comm, messages: &[Message], parts: usize, title: &str) -> CommMatrix {
    let words: Vec<[u64; 3]> = messages.iter().map(|m| [m.from.into(), m.to.into(), m.rows]).collect();
    let message = |&[from, to, rows]: &[u64; 3]| Message { from: from as u32, to: to as u32, rows };
    let messages = comm.gather(0, &words).iter().flatten().map(message).collect();
    CommMatrix { title: title.into(), parts, messages }
}
