//! The record of a run: everything the reports are made of.
//!
//! The JSON file is this structure, field by field; see docs/json.md. A change of meaning or the
//! loss of a field raises [`SCHEMA`].

use super::origin::Origin;
use super::resources::{BandwidthFacts, MemoryFacts, PhaseSeconds, SetupSeconds, Traffic};
use super::terminal::seconds;
use crate::comm::measure::SumWay;
use crate::comm::{Comm, Op};
use crate::distributed::HaloPlan;
use crate::operator::{DistMatrix, FORMATS, MATRIX_FREE, Operator};
use crate::partition::{self, PartLoad, Partition, Quality};
use crate::performance::Choice;
use crate::problem::MeshFacts;
use serde::Serialize;
use std::collections::BTreeMap;

/// Version of the JSON file's schema.
pub const SCHEMA: &str = "halocg-run/2";

/// Least, mean and greatest value over the ranks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Spread {
    /// Least.
    pub min: f64,
    /// Mean.
    pub avg: f64,
    /// Greatest.
    pub max: f64,
}

impl Spread {
    /// Of one value per rank. Collective.
    pub fn over(comm: &Comm, value: f64) -> Spread {
        Spread::over_all(comm, &[value], comm.size())
    }

    /// Of `count` values, each on one rank. Collective.
    pub fn over_all(comm: &Comm, values: &[f64], count: usize) -> Spread {
        let mut min = [values.iter().copied().fold(f64::INFINITY, f64::min)];
        let mut sum = [values.iter().sum()];
        let mut max = [values.iter().copied().fold(f64::NEG_INFINITY, f64::max)];
        comm.reduce_f64(Op::Min, &mut min);
        comm.reduce_f64(Op::Sum, &mut sum);
        comm.reduce_f64(Op::Max, &mut max);
        Spread { min: min[0], avg: sum[0] / count as f64, max: max[0] }
    }

    /// max / avg, 1 when nothing is there to balance.
    pub fn imbalance(&self) -> f64 {
        if self.avg > 0.0 { self.max / self.avg } else { 1.0 }
    }
}

/// Values of options by their long names, as on the command line.
pub type Options = BTreeMap<String, Vec<String>>;

/// A finished run.
#[derive(Clone, Debug, Serialize)]
pub struct Run {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// Version of halocg.
    pub version: &'static str,
    /// The command line.
    pub command: Vec<String>,
    /// Every option in force, whether from the command line, from a file (`--config`) or by default.
    pub options: Options,
    /// Where and when it was made, and how to make it again.
    pub origin: Origin,
    /// What carried it.
    pub machine: Machine,
    /// How global sums travelled.
    pub sum: SumWay,
    /// What was solved.
    pub problem: ProblemFacts,
    /// Who owned what; none for the dense problem, whose columns are dealt evenly.
    pub partition: Option<PartitionFacts>,
    /// How the matrix was kept; none for the dense problem.
    pub storage: Option<StorageFacts>,
    /// How it was solved.
    pub method: MethodFacts,
    /// What came of it.
    pub outcome: OutcomeFacts,
    /// Seconds before the solve.
    pub setup_seconds: SetupSeconds,
    /// Memory of a rank.
    pub memory: MemoryFacts,
    /// Seconds of the solve, by phase.
    pub phases: Vec<PhaseSeconds>,
    /// What memory delivers, if that was measured.
    pub bandwidth: Option<BandwidthFacts>,
    /// Seconds for which sums were in flight behind other work; those of the phase `sum` were exposed.
    pub hidden_sum_seconds: Spread,
    /// What was moved.
    pub traffic: Traffic,
    /// What was saved, and gone on from.
    pub checkpoint: CheckpointFacts,
}

/// Checkpoints read and written.
#[derive(Clone, Debug, Default, Serialize)]
pub struct CheckpointFacts {
    /// The iteration that a checkpoint was read of; null if the solve began at its beginning.
    pub restarted_at: Option<u64>,
    /// True if no more than x was taken from it, because the preconditioner depends on who owns which row.
    pub begun_anew: bool,
    /// The file that was written, if one was.
    pub file: Option<String>,
    /// The iteration that it holds.
    pub saved_at: Option<u64>,
    /// What all checkpoints of the run took of the solve, on rank 0.
    pub seconds: f64,
    /// The command line that goes on from it, if the solve ended at a limit or by a signal.
    pub go_on: Option<String>,
}

/// What carried a run.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    /// Number of ranks.
    pub ranks: usize,
    /// Engine and library.
    pub engine: String,
}

/// What was solved.
#[derive(Clone, Debug, Serialize)]
pub struct ProblemFacts {
    /// File name or description.
    pub name: String,
    /// Global number of rows.
    pub rows: u64,
    /// Stored entries, both triangles.
    pub nonzeros: u64,
    /// Entries of the file that were added to one before at the same place.
    pub duplicates: u64,
    /// The right-hand side in words.
    pub rhs: String,
    /// The mesh, if the problem is one on a mesh.
    pub mesh: Option<MeshFacts>,
}

/// Who owned what.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PartitionFacts {
    /// `metis`, `blocks`, `boxes`, `rcb` or `file:PATH`; one rank owns everything whatever it is.
    pub method: String,
    /// Owned rows per rank.
    pub rows: Spread,
    /// Greatest over mean number of rows.
    pub row_imbalance: f64,
    /// Stored entries per rank.
    pub nonzeros: Spread,
    /// Greatest over mean number of stored entries.
    pub imbalance: f64,
    /// Ranks that own no row.
    pub empty_ranks: u64,
    /// Pairs of coupled rows with different owners.
    pub edge_cut: u64,
    /// Neighbours per rank (ranks read from).
    pub neighbours: Spread,
    /// Ghost rows per rank.
    pub ghost_rows: Spread,
    /// Rows sent per rank, once for each rank that reads them: the communication volume.
    pub sent_rows: Spread,
    /// Bytes that one exchange of a pair of vectors moves, all ranks together.
    pub bytes_per_pair_exchange: u64,
    /// Memory that METIS was granted on rank 0, in bytes; null where it had nothing to do.
    pub metis_bytes: Option<u64>,
}

impl PartitionFacts {
    /// Measured on the distributed matrix. Collective.
    pub fn new(choice: &Partition, a: &DistMatrix) -> PartitionFacts {
        let (layout, plan): (_, &HaloPlan) = (a.layout(), a.plan());
        let load = PartLoad {
            rows: layout.len() as u64,
            nonzeros: a.stored_entries(),
            sent: plan.sent_rows() as u64,
            ghosts: plan.ghosts() as u64,
            neighbours: plan.receive.len() as u64,
        };
        // Every cut pair is stored on both sides.
        let edge_cut = layout.comm().reduced(Op::Sum, a.ghost_entries()) / 2;
        PartitionFacts::of_loads(layout.comm(), choice, &[load], layout.comm().size(), edge_cut)
    }

    /// Counted beforehand, for other ranks than these. Collective.
    pub fn of_parts(comm: &Comm, choice: &Partition, quality: &Quality) -> PartitionFacts {
        PartitionFacts::of_loads(comm, choice, &quality.loads, quality.parts, quality.edge_cut)
    }

    fn of_loads(comm: &Comm, choice: &Partition, loads: &[PartLoad], parts: usize, edge_cut: u64) -> PartitionFacts {
        let over = |value: fn(&PartLoad) -> u64| {
            let values: Vec<f64> = loads.iter().map(|load| value(load) as f64).collect();
            Spread::over_all(comm, &values, parts)
        };
        let sum = |value: fn(&PartLoad) -> u64| comm.reduced(Op::Sum, loads.iter().map(value).sum());
        let (rows, nonzeros) = (over(|load| load.rows), over(|load| load.nonzeros));
        let totals = [sum(|load| load.rows), sum(|load| load.nonzeros)];
        PartitionFacts {
            method: choice.name(),
            rows,
            row_imbalance: rows.imbalance(),
            nonzeros,
            imbalance: nonzeros.imbalance(),
            empty_ranks: sum(|load| u64::from(load.rows == 0)),
            edge_cut,
            neighbours: over(|load| load.neighbours),
            ghost_rows: over(|load| load.ghosts),
            sent_rows: over(|load| load.sent),
            bytes_per_pair_exchange: sum(|load| load.sent) * 2 * size_of::<f64>() as u64,
            metis_bytes: Some(partition::metis_bytes(totals[0], totals[1], parts))
                .filter(|&bytes| *choice == Partition::Metis && bytes > 0),
        }
    }
}

/// How the matrix was kept and swept.
#[derive(Clone, Debug, Serialize)]
pub struct StorageFacts {
    /// For each format in use, how many ranks keep their interior rows in it.
    pub ranks_by_format: BTreeMap<&'static str, u64>,
    /// For each format that suits the interior rows of every rank, the bytes per row that a pass would read of them in
    /// it; each rank chose by its own rows. None if the format was given.
    pub bytes_per_row_by_format: Option<BTreeMap<&'static str, f64>>,
    /// What a pass must read of the matrix, per row.
    pub bytes_per_row: f64,
    /// How many ranks reordered their rows.
    pub reordered_ranks: u64,
    /// How iterations were cut, `one-sweep` or `overlap`; null for methods that leave no choice.
    pub schedule: Option<&'static str>,
}

impl StorageFacts {
    /// Collective.
    pub fn new(a: &DistMatrix) -> StorageFacts {
        let comm = a.layout().comm();
        let names = FORMATS.iter().map(|format| format.name).chain([MATRIX_FREE]);
        let ranks_by_format = names.map(|name| (name, comm.reduced(Op::Sum, u64::from(a.format() == name))));
        // Of all ranks alike, whatever the options were on each.
        let mine: Option<BTreeMap<&'static str, u64>> = a.formats_considered().map(Iterator::collect);
        let rows = comm.reduced(Op::Sum, a.layout().interior() as u64).max(1) as f64;
        let mut by_format = BTreeMap::new();
        for name in FORMATS.iter().map(|format| format.name) {
            let bytes = mine.as_ref().and_then(|mine| mine.get(name));
            let mut sums = [bytes.copied().unwrap_or(0), u64::from(bytes.is_none())];
            comm.reduce_u64(Op::Sum, &mut sums);
            if let [bytes, 0] = sums {
                by_format.insert(name, bytes as f64 / rows);
            }
        }
        StorageFacts {
            ranks_by_format: ranks_by_format.filter(|(_, ranks)| *ranks > 0).collect(),
            bytes_per_row_by_format: (!by_format.is_empty()).then_some(by_format),
            bytes_per_row: comm.reduced(Op::Sum, a.bytes_per_pass(0)) as f64 / a.layout().n().max(1) as f64,
            reordered_ranks: comm.reduced(Op::Sum, u64::from(a.layout().is_reordered())),
            schedule: None,
        }
    }
}

/// How it was solved.
#[derive(Clone, Debug, Serialize)]
pub struct MethodFacts {
    /// Name of the method.
    pub solver: &'static str,
    /// Why it was chosen; null if it was asked for.
    pub choice: Option<ChoiceFacts>,
    /// Whether inner products were added up reproducibly.
    pub reproducible: bool,
    /// Name of the preconditioner.
    pub preconditioner: &'static str,
    /// How block Jacobi solves with its blocks; null for other preconditioners.
    pub sub_preconditioner: Option<&'static str>,
    /// What is worth knowing about how the preconditioner was built, if anything.
    pub preconditioner_note: Option<String>,
    /// Relative tolerance.
    pub rtol: f64,
    /// Absolute tolerance.
    pub atol: f64,
    /// Divergence limit, relative.
    pub divtol: f64,
    /// Iteration limit.
    pub max_iterations: u64,
    /// What `rtol` is measured on: `residual` or `error-a`.
    pub stop_on: &'static str,
    /// The recurrence's residual is replaced every so many iterations, if a period was set.
    pub replace_every: Option<u64>,
    /// Whether signs of corrupted vectors were looked for.
    pub check_health: bool,
}

impl MethodFacts {
    /// The 2-norm of r at which the solve ends.
    pub(super) fn tolerance(&self, reference_norm: f64) -> f64 {
        let rtol = if self.stop_on == "residual" { self.rtol } else { 0.0 };
        (rtol * reference_norm).max(self.atol)
    }
}

/// Why `--solver auto` took the method it took. Microseconds, measured at the start of the solve.
#[derive(Clone, Debug, Serialize)]
pub struct ChoiceFacts {
    /// In a sentence.
    pub reason: String,
    /// A global sum.
    pub sum_us: f64,
    /// One product, exchange included.
    pub product_us: f64,
    /// Two products in one pass.
    pub pair_us: f64,
    /// The model's microseconds per iteration, by the name of the method.
    pub candidates_us: BTreeMap<&'static str, f64>,
    /// Seconds that measuring took; in no other figure.
    pub seconds: f64,
}

impl ChoiceFacts {
    /// Of a choice that took so many seconds.
    pub fn new(choice: &Choice, spent: f64) -> ChoiceFacts {
        let Choice { kind, candidates, parts } = choice;
        let fastest = candidates.iter().map(|(_, seconds)| *seconds).fold(f64::INFINITY, f64::min);
        let each: Vec<String> =
            candidates.iter().map(|(kind, time)| format!("{} {}", kind.name, seconds(*time))).collect();
        let rule = match candidates.iter().find(|(other, _)| other.name == kind.name) {
            Some((_, time)) if *time > fastest => "is the plainest within 5 % of the best",
            _ => "promises the shortest iteration",
        };
        let reason = format!(
            "{} {rule}: {}; a sum takes {}, a product {}, a pair of products {}",
            kind.name,
            each.join(", "),
            seconds(parts.sum),
            seconds(parts.product[0]),
            seconds(parts.product[1])
        );
        let us = |seconds: f64| 1e6 * seconds;
        ChoiceFacts {
            reason,
            sum_us: us(parts.sum),
            product_us: us(parts.product[0]),
            pair_us: us(parts.product[1]),
            candidates_us: candidates.iter().map(|(kind, seconds)| (kind.name, us(*seconds))).collect(),
            seconds: spent,
        }
    }
}

/// The error at the end in the A-norm.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ErrorAFacts {
    /// Against that of the initial guess.
    pub relative_a_norm: f64,
    /// Whether it is an upper bound, or an estimate.
    pub is_bound: bool,
}

/// What came of it. Residuals are 2-norms, relative ones against `reference_norm`.
#[derive(Clone, Debug, Serialize)]
pub struct OutcomeFacts {
    /// True if the true residual meets the tolerance.
    pub converged: bool,
    /// In words.
    pub reason: &'static str,
    /// PETSc's name for it.
    pub petsc_reason: &'static str,
    /// The program's exit code.
    pub exit_code: u8,
    /// Iterations taken.
    pub iterations: u64,
    /// ‖b‖₂, or ‖r₀‖₂ when b = 0.
    pub reference_norm: f64,
    /// ‖b − A x‖₂ / reference, computed at the end.
    pub true_relative_residual: f64,
    /// The recurrence's ‖r‖₂ / reference at the end.
    pub recurrence_relative_residual: f64,
    /// How often the recurrence's residual was replaced by the true one.
    pub replaced_residuals: u64,
    /// How often a vector was found to be corrupted in memory, and the solve went on without the error.
    pub corrupted_vectors: u64,
    /// Against the known solution, if there is one.
    pub error: Option<ErrorNorms>,
    /// What the scalars tell of the error, if the solve was to stop on it.
    pub error_a: Option<ErrorAFacts>,
    /// The ends of the spectrum of M⁻¹ A, as far as the iteration has seen it.
    pub spectrum: Option<SpectrumFacts>,
    /// Largest relative gap between the predicted and the recomputed ν; none for methods that predict nothing.
    pub largest_nu_gap: Option<f64>,
    /// Seconds of the solve on the slowest rank, the final true residual included.
    pub solve_seconds: f64,
    /// Microseconds per iteration.
    pub microseconds_per_iteration: f64,
}

/// Extreme Ritz values of the solve: eigenvalues of M⁻¹ A, λ_min from above, λ_max from below.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct SpectrumFacts {
    /// Smallest.
    pub lambda_min: f64,
    /// Largest.
    pub lambda_max: f64,
    /// Their ratio.
    pub condition: f64,
}

/// Distance from the known solution x*.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ErrorNorms {
    /// What x* is.
    pub against: &'static str,
    /// ‖x − x*‖₂ / ‖x*‖₂.
    pub relative_2_norm: f64,
    /// max |xᵢ − x*ᵢ|.
    pub max_norm: f64,
}
