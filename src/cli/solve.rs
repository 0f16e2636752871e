//! Options of a solve.

use super::CheckpointArgs;
use super::values::*;
use crate::comm::measure::SumChoice;
use crate::distributed::Ordering;
use crate::error::{Error, Result};
use crate::krylov::{self, Replacement, Settings, StopOn};
use crate::operator::{Format, MatrixOptions, Schedule};
use crate::partition::Partition;
use crate::pipeline::{Files, Job, RightHandSide};
use crate::preconditioner;
use crate::problem::{FileFormat, Reading, Source};
use crate::report::{Options, ProgressLine};
use clap::Args;
use std::path::PathBuf;

/// Options that every solve takes.
#[derive(Args, Debug)]
pub struct SolveOptions {
    /// Method
    #[arg(long, visible_alias = "ksp-type", aliases = ["ksp_type", "method"], default_value = "pipe-pr-cg", value_parser = solvers(), help_heading = "Method")]
    pub solver: SolverChoice,
    /// Preconditioner
    #[arg(long, visible_alias = "pc-type", alias = "pc_type", default_value = "none", value_parser = preconditioners(), help_heading = "Method")]
    pub pc: &'static preconditioner::Kind,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub preconditioning: PreconditionerOptions,
    /// Relative tolerance: stop when ||r|| <= RTOL ||b||, and the true residual within 1.1 times that
    #[arg(long, visible_alias = "ksp-rtol", aliases = ["ksp_rtol", "tol"], default_value = "1e-8", allow_negative_numbers = true, value_parser = not_negative, help_heading = "Stopping")]
    pub rtol: f64,
    /// Absolute tolerance: stop when ||r|| <= ATOL
    #[arg(long, visible_alias = "ksp-atol", alias = "ksp_atol", default_value = "0", allow_negative_numbers = true, value_parser = not_negative, help_heading = "Stopping")]
    pub atol: f64,
    /// Give up when ||r|| > DIVTOL ||b||
    #[arg(long, visible_alias = "ksp-divtol", alias = "ksp_divtol", default_value = "1e8", allow_negative_numbers = true, value_parser = positive, help_heading = "Stopping")]
    pub divtol: f64,
    /// Iteration limit
    #[arg(
        long,
        visible_alias = "ksp-max-it",
        alias = "ksp_max_it",
        default_value = "10000",
        help_heading = "Stopping"
    )]
    pub max_it: u64,
    /// What --rtol is measured on: residual, or error-a (the A-norm of the error, bounded by the scalars of the iteration)
    #[arg(long, value_enum, default_value = "residual", help_heading = "Stopping")]
    pub stop_on: StopOnName,
    /// Steps that the lower bound of the A-norm error lags behind: more are safer
    #[arg(long, value_name = "D", default_value = "10", value_parser = clap::value_parser!(u16).range(1..), help_heading = "Stopping")]
    pub error_delay: u16,
    /// A lower bound of the spectrum of the preconditioned matrix, if known: gives an upper bound of the A-norm error
    #[arg(long, value_name = "MU", allow_negative_numbers = true, value_parser = positive, help_heading = "Stopping")]
    pub lambda_min: Option<f64>,
    /// Replace the recurrence's residual by the true one every K iterations, and not only when it has drifted
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u64).range(1..), help_heading = "Stopping")]
    pub replace_every: Option<u64>,
    /// Look in every iteration for signs that a vector was corrupted in memory, and go on without the error: see docs/reliability.md
    #[arg(long, value_enum, value_name = "WHETHER", default_value = "on", help_heading = "Stopping")]
    pub check_health: Whether,
    /// Right-hand side: ones, random, random:SEED, A1 (b = A ones/sqrt(n)), or a vector file; by default A1, for poisson that of a manufactured solution, and the load on a mesh
    #[arg(long, value_parser = right_hand_side, help_heading = "Vectors")]
    pub rhs: Option<RightHandSide>,
    /// Take the matrix of a file as it is: do not compare its two triangles
    #[arg(long, help_heading = "Matrix")]
    pub assume_symmetric: bool,
    /// Initial guess (a vector file); zero by default
    #[arg(long, value_name = "FILE", help_heading = "Vectors")]
    pub x0: Option<PathBuf>,
    /// Write the solution, in the original row order: .mtx, .hcg, .petsc or .petsc64; without an ending Matrix Market
    #[arg(long, short, value_name = "FILE", help_heading = "Vectors")]
    pub output: Option<PathBuf>,
    /// Format of --output, whatever its ending
    #[arg(long, value_name = "FORMAT", value_parser = file_formats(), requires = "output", help_heading = "Vectors")]
    pub output_format: Option<FileFormat>,
    /// Who owns which row: metis (default), blocks, boxes (default for poisson, only there), rcb (poisson and meshes), or file:PATH
    #[arg(long, value_parser = partition, help_heading = "Ranks")]
    pub partition: Option<Partition>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub sums: SumArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub matrix: MatrixArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub checkpoint: CheckpointArgs,
    /// The same bits on any number of ranks, whatever the partition, the order of rows, the schedule and the engine
    #[arg(long, help_heading = "Ranks")]
    pub reproducible: bool,
    /// Print every iteration
    #[arg(long, visible_alias = "ksp-monitor", alias = "ksp_monitor", help_heading = "Reports")]
    pub monitor: bool,
    /// The line that says how far the solve is; auto: on a terminal. On: elsewhere too, every ten seconds a new one
    #[arg(long, value_enum, value_name = "WHEN", default_value = "auto", help_heading = "Reports")]
    pub progress: ProgressName,
    /// Print the options in force, partition, storage, memory and spectrum after the summary
    #[arg(long, visible_alias = "ksp-view", alias = "ksp_view", help_heading = "Reports")]
    pub view: bool,
    /// Print where the time went: phases, their bandwidth beside the machine's, sums, exchanges
    #[arg(long, alias = "log_view", help_heading = "Reports")]
    pub log_view: bool,
    /// Write the convergence history as CSV
    #[arg(long, value_name = "FILE", help_heading = "Reports")]
    pub history: Option<PathBuf>,
    /// Write the run as JSON
    #[arg(long, value_name = "FILE", help_heading = "Reports")]
    pub json: Option<PathBuf>,
    /// Write the run as a page for a browser, DIR/report.html, and as DIR/run.json
    #[arg(long, value_name = "DIR", value_parser = folder, help_heading = "Reports")]
    pub report: Option<PathBuf>,
    /// Draw who sends how many words to whom (.svg or .png)
    #[arg(long, value_name = "FILE", value_parser = picture, help_heading = "Reports")]
    pub comm_matrix: Option<PathBuf>,
    /// Draw the solution on a mesh or a 2D grid (.png)
    #[arg(long, value_name = "FILE", value_parser = png, help_heading = "Reports")]
    pub png: Option<PathBuf>,
    /// Draw which rank owns what of a mesh or a 2D grid (.png)
    #[arg(long, value_name = "FILE", value_parser = png, help_heading = "Reports")]
    pub png_partition: Option<PathBuf>,
    /// Write solution, residual and owners on a mesh for ParaView (.vtu)
    #[arg(long, value_name = "FILE", value_parser = vtu, help_heading = "Reports")]
    pub vtu: Option<PathBuf>,
}

/// How global sums travel.
#[derive(Args, Debug)]
pub struct SumArgs {
    /// How global sums travel between MPI ranks
    #[arg(long, value_enum, default_value = "mpi", help_heading = "Ranks")]
    pub sum: SumName,
}

/// How global sums travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum SumName {
    /// As the MPI library does it (MPI_Iallreduce); the engine's own way without MPI.
    Mpi,
    /// By recursive doubling over messages of halocg's own.
    RecursiveDoubling,
    /// Recursive doubling if it is measured to be quicker.
    Auto,
}

impl SumArgs {
    pub(super) fn choice(&self) -> SumChoice {
        match self.sum {
            SumName::Mpi => SumChoice::Engine,
            SumName::RecursiveDoubling => SumChoice::RecursiveDoubling,
            SumName::Auto => SumChoice::Auto,
        }
    }
}

/// When the line of progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum ProgressName {
    /// On a terminal; not beside --monitor.
    Auto,
    /// Always: under mpirun, and in the file of a batch job, a new line every ten seconds.
    On,
    /// Never.
    Off,
}

/// A switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Whether {
    /// Yes.
    On,
    /// No.
    Off,
}

/// What the relative tolerance is measured on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum StopOnName {
    /// The 2-norm of the residual, against that of b.
    Residual,
    /// The A-norm of the error, against that of the initial guess, as the scalars of the recurrence tell it.
    ErrorA,
}

impl SolveOptions {
    pub(super) fn job(
        self,
        source: Source,
        rhs: RightHandSide,
        partition: Partition,
        matrix: Option<PathBuf>,
    ) -> Result<Job> {
        self.matrix.check(&self.solver.possible(), &[self.pc])?;
        if self.reproducible && !self.pc.independent_of_partition {
            return Err(Error::usage(format!(
                "--reproducible: --pc {} depends on which rank owns which row, so use --pc none, jacobi or chebyshev",
                self.pc.name
            )));
        }
        if self.reproducible && self.solver.0.is_none() {
            return Err(Error::usage(
                "--reproducible: what --solver auto takes depends on measured times, so name a method",
            ));
        }
        if self.solver.0.is_none() && self.checkpoint.restart.is_some() {
            return Err(Error::usage(
                "--restart goes on with the method that was saved: name it with --solver, instead of auto",
            ));
        }
        Ok(Job {
            reproducible: self.reproducible,
            preconditioning: self.preconditioning.of(&[self.pc])?,
            source,
            reading: Reading { assume_symmetric: self.assume_symmetric, ..Reading::default() },
            sum: self.sums.choice(),
            rhs: self.rhs.unwrap_or(rhs),
            x0: self.x0,
            partition: self.partition.unwrap_or(partition),
            matrix: self.matrix.options(),
            solver: self.solver.0,
            preconditioner: self.pc,
            settings: Settings {
                rtol: self.rtol,
                atol: self.atol,
                divtol: self.divtol,
                max_iterations: self.max_it,
                replacement: self.replace_every.map_or(Replacement::WhenNeeded, Replacement::Every),
                check_health: self.check_health == Whether::On,
                stop_on: match self.stop_on {
                    StopOnName::Residual => StopOn::Residual,
                    StopOnName::ErrorA => StopOn::ErrorA,
                },
                error_delay: self.error_delay.into(),
                lambda_min: self.lambda_min,
            },
            checkpointing: self.checkpoint.checkpointing()?,
            monitor: self.monitor,
            progress: match self.progress {
                ProgressName::Auto => ProgressLine::Auto,
                ProgressName::On => ProgressLine::On,
                ProgressName::Off => ProgressLine::Off,
            },
            view: self.view,
            log_view: self.log_view,
            files: Files {
                output: with_format(self.output, self.output_format, ", or --output-format")?,
                history: self.history,
                json: self.json,
                report: self.report,
                comm_matrix: self.comm_matrix,
                png: self.png,
                png_partition: self.png_partition,
                vtu: self.vtu,
                matrix: with_format(matrix, None, "")?,
            },
            options: Options::new(),
        })
    }
}

/// A file to write, and in which format: the one asked for, or that of its name.
///
/// # Errors
/// When its name names none.
fn with_format(
    path: Option<PathBuf>,
    asked: Option<FileFormat>,
    otherwise: &str,
) -> Result<Option<(PathBuf, FileFormat)>> {
    let Some(path) = path else { return Ok(None) };
    let format = asked.map_or_else(|| format_of_name(&path, otherwise), Ok)?;
    Ok(Some((path, format)))
}

/// Options of single preconditioners.
#[derive(Args, Debug)]
pub struct PreconditionerOptions {
    /// How bjacobi solves with its blocks [default: ic0]
    #[arg(long, visible_alias = "sub-pc-type", alias = "sub_pc_type", value_parser = sub_preconditioners(), help_heading = "Method")]
    pub sub_pc: Option<&'static preconditioner::SubKind>,
    /// Degree of the chebyshev polynomial: the products with A in one application [default: 4]
    #[arg(long, value_name = "DEGREE", value_parser = clap::value_parser!(u32).range(0..=100), help_heading = "Method")]
    pub chebyshev_degree: Option<u32>,
}

impl PreconditionerOptions {
    /// The options as far as they belong to `chosen` preconditioners; others are refused.
    pub(super) fn of(&self, chosen: &[&preconditioner::Kind]) -> Result<preconditioner::Options> {
        let belongs = |option: &str, given: bool, pc: &str| {
            if given && chosen.iter().all(|kind| kind.name != pc) {
                return Err(Error::usage(format!("{option} belongs to --pc {pc}")));
            }
            Ok(())
        };
        belongs("--sub-pc", self.sub_pc.is_some(), "bjacobi")?;
        belongs("--chebyshev-degree", self.chebyshev_degree.is_some(), "chebyshev")?;
        let default = preconditioner::Options::default();
        Ok(preconditioner::Options {
            sub_pc: self.sub_pc.unwrap_or(default.sub_pc),
            chebyshev_degree: self.chebyshev_degree.unwrap_or(default.chebyshev_degree),
        })
    }
}

/// How the matrix is kept and swept: changes the time and, but for the ordering, no bit of the result.
#[derive(Args, Debug)]
pub struct MatrixArgs {
    /// How a rank keeps its rows; auto: in the one of these formats that takes the fewest bytes
    #[arg(long, value_parser = formats(), help_heading = "Matrix")]
    pub format: Option<FormatChoice>,
    /// In which order a rank's rows lie in memory; auto: rcm where neighbours are far from each other
    #[arg(long, value_enum, visible_alias = "mat-ordering-type", alias = "mat_ordering_type", help_heading = "Matrix")]
    pub ordering: Option<OrderingName>,
    /// How an iteration of pipe-pr-cg is cut; by default the way that the measured times of sum and product favour
    #[arg(long, value_enum, help_heading = "Matrix")]
    pub schedule: Option<ScheduleName>,
}

/// One of the methods, or None for auto.
#[derive(Clone, Copy, Debug)]
pub struct SolverChoice(pub(super) Option<&'static krylov::Kind>);

impl SolverChoice {
    /// The methods that may come of it.
    fn possible(self) -> Vec<&'static krylov::Kind> {
        match self.0 {
            Some(kind) => vec![kind],
            None => krylov::TABLE.iter().filter(|kind| kind.is_candidate).collect(),
        }
    }
}

/// One of the formats, or None for auto.
#[derive(Clone, Copy, Debug)]
pub struct FormatChoice(pub(super) Option<&'static Format>);

/// How an iteration of pipe-pr-cg is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum ScheduleName {
    /// The products hide the sum; the vectors follow in a sweep of their own.
    Overlap,
    /// Sum and exchange together, then products and vectors in one pass over memory.
    OneSweep,
    /// The one whose parts, measured at the start, promise the shorter iteration.
    Auto,
}

/// In which order a rank's rows lie in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum OrderingName {
    /// As in the file.
    Natural,
    /// Reverse Cuthill-McKee on each rank's own part of the matrix.
    Rcm,
    /// Rcm where a row's neighbours are far from it and rcm at least halves the distance.
    Auto,
}

impl MatrixArgs {
    pub(super) fn options(&self) -> MatrixOptions {
        MatrixOptions {
            format: self.format.and_then(|choice| choice.0),
            ordering: match self.ordering {
                Some(OrderingName::Natural) => Ordering::Natural,
                Some(OrderingName::Rcm) => Ordering::Rcm,
                Some(OrderingName::Auto) | None => Ordering::Auto,
            },
            schedule: match self.schedule {
                Some(ScheduleName::Overlap) => Schedule::Overlap,
                Some(ScheduleName::OneSweep) => Schedule::OneSweep,
                Some(ScheduleName::Auto) | None => Schedule::Auto,
            },
        }
    }

    /// Refuses a schedule that none of the methods and preconditioners can follow.
    pub(super) fn check(&self, solvers: &[&krylov::Kind], pcs: &[&preconditioner::Kind]) -> Result<()> {
        let possible = solvers.iter().any(|solver| solver.sweeps) && pcs.iter().any(|pc| pc.is_diagonal);
        if self.schedule == Some(ScheduleName::OneSweep) && !possible {
            return Err(Error::usage(
                "--schedule one-sweep needs --solver pipe-pr-cg (or pipe-pr-m-cg) and --pc none or jacobi",
            ));
        }
        Ok(())
    }

    pub(super) fn refuse_for_dense(&self) -> Result<()> {
        if self.format.is_some() || self.ordering.is_some() || self.schedule.is_some() {
            return Err(Error::usage(
                "the dense model problem is one dense block per rank: --format, --ordering and --schedule do not apply",
            ));
        }
        Ok(())
    }
}
