//! Command-line arguments, checked and turned into jobs.

mod values;

use crate::distributed::Ordering;
use crate::error::{Error, Result};
use crate::krylov::{self, Replacement, Settings, StopOn};
use crate::operator::{Format, MatrixOptions, Schedule};
use crate::partition::Partition;
use crate::pipeline::{Files, Job, Protocol, RightHandSide, Survey};
use crate::preconditioner;
use crate::problem::{Source, Spectrum, Stencil};
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;
use values::*;

/// The arguments of the program.
#[derive(Parser, Debug)]
#[command(name = "halocg", version, about = "Solves sparse symmetric positive definite systems with conjugate gradients on MPI ranks or threads", after_help = EXIT_CODES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Run on this many ranks as threads of one process, without MPI
    #[arg(long, global = true, value_name = "P", value_parser = clap::value_parser!(u16).range(1..=1024), help_heading = "Ranks")]
    pub threads: Option<u16>,
    /// Which engine carries the ranks; auto: MPI under mpirun, one rank otherwise
    #[arg(long, global = true, value_enum, default_value = "auto", help_heading = "Ranks")]
    pub engine: Engine,
}

const EXIT_CODES: &str = "Exit codes: 0 converged, 1 internal or I/O, 2 usage, 3 bad input, 4 iteration limit reached, \
5 diverged or stagnated, 6 NaN or infinity, 7 matrix not symmetric positive definite, 8 preconditioner failed";

/// What carries the ranks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Engine {
    /// MPI under a launcher, one rank otherwise.
    Auto,
    /// One rank.
    Alone,
    /// MPI, whatever started this process.
    Mpi,
}

/// Subcommands.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Solve A x = b with A from a Matrix Market file
    Solve {
        /// The matrix (.mtx or .mtx.gz)
        matrix: PathBuf,
        #[command(flatten)]
        #[allow(missing_docs)]
        options: SolveOptions,
    },
    /// Solve Poisson's equation on a regular grid
    Poisson {
        #[command(flatten)]
        #[allow(missing_docs)]
        grid: GridOptions,
        /// Write the matrix to this file
        #[arg(long, value_name = "FILE")]
        write: Option<PathBuf>,
        #[command(flatten)]
        #[allow(missing_docs)]
        options: SolveOptions,
    },
    /// Solve the dense diagonal model problem of the published tutorial
    Model {
        #[command(flatten)]
        #[allow(missing_docs)]
        model: ModelOptions,
        #[command(flatten)]
        #[allow(missing_docs)]
        options: SolveOptions,
    },
    /// Compare methods and preconditioners: iterations, accuracy, time, side by side
    #[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
    Compare {
        /// A generated problem instead of files
        #[command(subcommand)]
        what: Option<Comparison>,
        /// The matrices (.mtx or .mtx.gz)
        #[arg(required = true)]
        matrices: Vec<PathBuf>,
        #[command(flatten)]
        #[allow(missing_docs)]
        options: CompareOptions,
    },
}

/// Generated problems to compare on.
#[derive(Subcommand, Debug)]
pub enum Comparison {
    /// Poisson's equation on a regular grid
    Poisson {
        #[command(flatten)]
        #[allow(missing_docs)]
        grid: GridOptions,
        #[command(flatten)]
        #[allow(missing_docs)]
        options: CompareOptions,
    },
    /// The model problem, stored dense and stored sparse; with one method the two are set side by side
    Model {
        #[command(flatten)]
        #[allow(missing_docs)]
        model: ModelOptions,
        #[command(flatten)]
        #[allow(missing_docs)]
        options: CompareOptions,
    },
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

/// How the matrix is kept and swept: changes the time and, but for the ordering, no bit of the result.
#[derive(Args, Debug)]
pub struct MatrixArgs {
    /// How a rank keeps its rows; auto: in the last of these formats that suits them
    #[arg(long, value_parser = formats(), help_heading = "Matrix")]
    pub format: Option<FormatChoice>,
    /// In which order a rank's rows lie in memory; auto: rcm where neighbours are far from each other
    #[arg(long, value_enum, visible_alias = "mat-ordering-type", alias = "mat_ordering_type", help_heading = "Matrix")]
    pub ordering: Option<OrderingName>,
    /// How an iteration of pipe-pr-cg is cut; by default the way that the measured times of sum and product favour
    #[arg(long, value_enum, help_heading = "Matrix")]
    pub schedule: Option<ScheduleName>,
}

/// One of the formats, or None for auto.
#[derive(Clone, Copy, Debug)]
pub struct FormatChoice(Option<&'static Format>);

/// How an iteration of pipe-pr-cg is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum ScheduleName {
    /// The products hide the sum; the vectors follow in a sweep of their own.
    Overlap,
    /// Sum and exchange together, then products and vectors in one pass over memory.
    OneSweep,
    /// As measured.
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
    fn options(&self) -> MatrixOptions {
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
    fn check(&self, solvers: &[&krylov::Kind], pcs: &[&preconditioner::Kind]) -> Result<()> {
        let possible = solvers.iter().any(|solver| solver.sweeps) && pcs.iter().any(|pc| pc.is_diagonal);
        if self.schedule == Some(ScheduleName::OneSweep) && !possible {
            return Err(Error::usage(
                "--schedule one-sweep needs --solver pipe-pr-cg (or pipe-pr-m-cg) and --pc none or jacobi",
            ));
        }
        Ok(())
    }

    fn refuse_for_dense(&self) -> Result<()> {
        if self.format.is_some() || self.ordering.is_some() || self.schedule.is_some() {
            return Err(Error::usage(
                "the dense model problem is one dense block per rank: --format, --ordering and --schedule do not apply",
            ));
        }
        Ok(())
    }
}

/// Options of a comparison. The right-hand side is A ones/sqrt(n), so that the error is known.
#[derive(Args, Debug)]
pub struct CompareOptions {
    /// Methods, separated by commas, or all; all by default, for the model problem pipe-pr-cg
    #[arg(long, alias = "solver", value_parser = solver_list)]
    pub solvers: Option<List<krylov::Kind>>,
    /// Preconditioners, separated by commas, or all
    #[arg(long, default_value = "none", value_parser = preconditioner_list)]
    pub pc: List<preconditioner::Kind>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub preconditioning: PreconditionerOptions,
    /// Relative tolerance of the timed solves
    #[arg(long, default_value = "1e-8", allow_negative_numbers = true, value_parser = not_negative)]
    pub rtol: f64,
    /// Iteration limit of the timed solves
    #[arg(long, default_value = "10000")]
    pub max_it: u64,
    /// paper: a fixed number of iterates (--iterations), no early stop, nothing timed
    #[arg(long, value_enum, default_value = "tolerance")]
    pub protocol: ProtocolName,
    /// Iterates of the paper's protocol, the initial guess included
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub iterations: Option<u64>,
    /// Who owns which row: metis, blocks, boxes (poisson only), or file:PATH
    #[arg(long, value_parser = partition)]
    pub partition: Option<Partition>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub matrix: MatrixArgs,
    /// Write the table as CSV
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// Write the table with all convergence curves as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Draw convergence charts into this folder, as SVG and PNG
    #[arg(long, value_name = "DIR")]
    pub plot: Option<PathBuf>,
}

/// How accuracy is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum ProtocolName {
    /// Timed solves to the tolerance, and longer runs for the accuracy.
    Tolerance,
    /// A fixed number of iterates.
    Paper,
}

/// Rows of one of the tables.
#[derive(Debug)]
pub struct List<T: 'static>(pub Vec<&'static T>);

impl<T> Clone for List<T> {
    fn clone(&self) -> Self {
        List(self.0.clone())
    }
}

/// The grid of a Poisson problem.
#[derive(Args, Debug)]
pub struct GridOptions {
    /// Dimensions of the grid
    #[arg(long, value_parser = clap::value_parser!(u8).range(2..=3), default_value = "2")]
    pub dim: u8,
    /// Interior grid points along each axis: N, or one number per axis (N,N or N,N,N)
    #[arg(long, short, value_delimiter = ',', required = true, value_parser = clap::value_parser!(u64).range(1..))]
    pub n: Vec<u64>,
    /// Points of the stencil: 5 or 9 in two dimensions, 7 or 27 in three
    #[arg(long)]
    pub stencil: Option<u32>,
    /// Coefficients along the axes, for the 5- and 7-point stencils: 1,1,0.01 weakens the coupling along z [default: 1,1,1]
    #[arg(long, value_name = "C", value_delimiter = ',', value_parser = positive)]
    pub coefficients: Vec<f64>,
    /// Do not assemble the matrix
    #[arg(long, conflicts_with_all = ["format", "ordering"])]
    pub matrix_free: bool,
}

/// The model problem's parameters.
#[derive(Args, Debug)]
pub struct ModelOptions {
    /// Number of rows
    #[arg(long, short, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub n: u64,
    /// Condition number
    #[arg(long, default_value = "1e6", allow_negative_numbers = true, value_parser = at_least_one)]
    pub kappa: f64,
    /// How strongly the eigenvalues gather at the small end, 0 < rho <= 1
    #[arg(long, default_value = "0.9", allow_negative_numbers = true, value_parser = fraction)]
    pub rho: f64,
}

/// Options that every solve takes.
#[derive(Args, Debug)]
pub struct SolveOptions {
    /// Method
    #[arg(long, visible_alias = "ksp-type", alias = "ksp_type", default_value = "pipe-pr-cg", value_parser = solvers(), help_heading = "Method")]
    pub solver: &'static krylov::Kind,
    /// Preconditioner
    #[arg(long, visible_alias = "pc-type", alias = "pc_type", default_value = "none", value_parser = preconditioners(), help_heading = "Method")]
    pub pc: &'static preconditioner::Kind,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub preconditioning: PreconditionerOptions,
    /// Relative tolerance: stop when ||r|| <= RTOL ||b||
    #[arg(long, visible_alias = "ksp-rtol", alias = "ksp_rtol", default_value = "1e-8", allow_negative_numbers = true, value_parser = not_negative, help_heading = "Stopping")]
    pub rtol: f64,
    /// Absolute tolerance: stop when ||r|| <= ATOL
    #[arg(long, visible_alias = "ksp-atol", alias = "ksp_atol", default_value = "1e-50", allow_negative_numbers = true, value_parser = not_negative, help_heading = "Stopping")]
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
    /// Right-hand side: ones, random, random:SEED, A1 (b = A ones/sqrt(n)), or a vector file; by default A1, and for poisson that of a manufactured solution
    #[arg(long, value_parser = right_hand_side, help_heading = "Vectors")]
    pub rhs: Option<RightHandSide>,
    /// Initial guess (a vector file); zero by default
    #[arg(long, value_name = "FILE", help_heading = "Vectors")]
    pub x0: Option<PathBuf>,
    /// Write the solution, in the original row order
    #[arg(long, short, value_name = "FILE", help_heading = "Vectors")]
    pub output: Option<PathBuf>,
    /// Who owns which row: metis (default), blocks, boxes (default for poisson, only there), or file:PATH
    #[arg(long, value_parser = partition, help_heading = "Ranks")]
    pub partition: Option<Partition>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub matrix: MatrixArgs,
    /// Print every iteration
    #[arg(long, visible_alias = "ksp-monitor", alias = "ksp_monitor", help_heading = "Reports")]
    pub monitor: bool,
    /// Write the convergence history as CSV
    #[arg(long, value_name = "FILE", help_heading = "Reports")]
    pub history: Option<PathBuf>,
    /// Write the run as JSON
    #[arg(long, value_name = "FILE", help_heading = "Reports")]
    pub json: Option<PathBuf>,
}

/// What the relative tolerance is measured on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum StopOnName {
    /// The residual.
    Residual,
    /// The A-norm of the error.
    ErrorA,
}

/// What the program is asked to do.
pub enum Task {
    /// One solve.
    Run(Box<Job>),
    /// The same problem solved in several ways, with the title of each.
    SideBySide(Vec<(&'static str, Job)>),
    /// Several methods on several problems.
    Survey(Box<Survey>),
}

impl Command {
    /// The task, if the arguments fit together.
    ///
    /// # Errors
    /// When they do not.
    pub fn into_task(self) -> Result<Task> {
        let one = |job| Ok(Task::Run(Box::new(job)));
        match self {
            Command::Solve { matrix, options } => {
                one(options.job(Source::File(matrix), RightHandSide::A1, Partition::Metis, None)?)
            }
            Command::Poisson { grid, write, options } => {
                one(options.job(grid.source()?, RightHandSide::Manufactured, Partition::Boxes, write)?)
            }
            Command::Model { model, options } => one(model_job(Source::ModelDense(model.spectrum()), options)?),
            Command::Compare { what: None, matrices, options } => {
                let sources = matrices.into_iter().map(Source::File).collect();
                options.survey(sources, krylov::TABLE, Partition::Metis)
            }
            Command::Compare { what: Some(Comparison::Poisson { grid, options }), .. } => {
                options.survey(vec![grid.source()?], krylov::TABLE, Partition::Boxes)
            }
            Command::Compare { what: Some(Comparison::Model { model, options }), .. } => {
                let sources = vec![Source::ModelDense(model.spectrum()), Source::ModelSparse(model.spectrum())];
                options.survey(sources, &krylov::TABLE[..1], Partition::Blocks)
            }
        }
    }
}

impl CompareOptions {
    fn survey(self, sources: Vec<Source>, solvers: &'static [krylov::Kind], partition: Partition) -> Result<Task> {
        let protocol = match (self.protocol, self.iterations) {
            (ProtocolName::Tolerance, None) => Protocol::Tolerance,
            (ProtocolName::Paper, Some(iterates)) => Protocol::Paper { iterates },
            (ProtocolName::Paper, None) => return Err(Error::usage("--protocol paper needs --iterations N")),
            (ProtocolName::Tolerance, Some(_)) => {
                return Err(Error::usage(
                    "--iterations belongs to --protocol paper; the timed solves are limited by --max-it",
                ));
            }
        };
        let preconditioning = self.preconditioning.of(&self.pc.0)?;
        let matrix = self.matrix.options();
        let settings = Settings { rtol: self.rtol, max_iterations: self.max_it, ..Settings::default() };
        let solvers = self.solvers.map_or_else(|| solvers.iter().collect(), |list| list.0);
        self.matrix.check(&solvers, &self.pc.0)?;
        let partition = self.partition.unwrap_or(partition);
        let dense_and_sparse = matches!(sources[..], [Source::ModelDense(_), Source::ModelSparse(_)]);
        if let (true, Protocol::Tolerance, &[solver], &[pc], None, None) =
            (dense_and_sparse, protocol, &solvers[..], &self.pc.0[..], &self.csv, &self.plot)
        {
            let job = |source| Job {
                source,
                rhs: RightHandSide::A1,
                x0: None,
                partition: partition.clone(),
                matrix,
                solver,
                preconditioner: pc,
                preconditioning,
                settings,
                monitor: false,
                files: Files { json: self.json.clone(), ..Files::default() },
            };
            return Ok(Task::SideBySide(["dense", "sparse"].into_iter().zip(sources.into_iter().map(job)).collect()));
        }
        Ok(Task::Survey(Box::new(Survey {
            sources,
            solvers,
            preconditioners: self.pc.0,
            preconditioning,
            partition,
            matrix,
            settings,
            protocol,
            csv: self.csv,
            json: self.json,
            plots: self.plot,
        })))
    }
}

impl GridOptions {
    fn source(&self) -> Result<Source> {
        let stencil = self.stencil()?;
        Ok(if self.matrix_free { Source::PoissonMatrixFree(stencil) } else { Source::Poisson(stencil) })
    }

    fn stencil(&self) -> Result<Stencil> {
        let (dim, n) = (self.dim as usize, &self.n[..]);
        let mut points = [1; 3];
        match n {
            [all] => points[..dim].fill(*all),
            each if each.len() == dim => points[..dim].copy_from_slice(each),
            each => {
                let axes = each.len();
                return Err(Error::usage(format!(
                    "--n names {axes} axes, but --dim is {dim}: give one number, or one per axis"
                )));
            }
        }
        let size = self.stencil.unwrap_or(if dim == 2 { 5 } else { 7 });
        let stencil = Stencil::new(points, dim, size).ok_or_else(|| {
            let sizes = if dim == 2 { "5 or 9" } else { "7 or 27" };
            if matches!((dim, size), (2, 5 | 9) | (3, 7 | 27)) {
                Error::usage("this grid has 2^62 points or more: use fewer")
            } else {
                Error::usage(format!("there is no {size}-point stencil in {dim} dimensions: use --stencil {sizes}"))
            }
        })?;
        let mut coefficients = [1.0; 3];
        match self.coefficients.len() {
            0 => return Ok(stencil),
            axes if axes == dim => coefficients[..dim].copy_from_slice(&self.coefficients),
            axes => {
                return Err(Error::usage(format!(
                    "--coefficients names {axes} axes, but --dim is {dim}: give one number per axis"
                )));
            }
        }
        stencil
            .with_coefficients(coefficients)
            .ok_or_else(|| Error::usage(format!("--coefficients belongs to --stencil 5 and 7, not {size}")))
    }
}

impl ModelOptions {
    fn spectrum(&self) -> Spectrum {
        Spectrum { n: self.n, kappa: self.kappa, rho: self.rho }
    }
}

impl SolveOptions {
    fn job(self, source: Source, rhs: RightHandSide, partition: Partition, matrix: Option<PathBuf>) -> Result<Job> {
        self.matrix.check(&[self.solver], &[self.pc])?;
        Ok(Job {
            preconditioning: self.preconditioning.of(&[self.pc])?,
            source,
            rhs: self.rhs.unwrap_or(rhs),
            x0: self.x0,
            partition: self.partition.unwrap_or(partition),
            matrix: self.matrix.options(),
            solver: self.solver,
            preconditioner: self.pc,
            settings: Settings {
                rtol: self.rtol,
                atol: self.atol,
                divtol: self.divtol,
                max_iterations: self.max_it,
                replacement: self.replace_every.map_or(Replacement::WhenNeeded, Replacement::Every),
                stop_on: match self.stop_on {
                    StopOnName::Residual => StopOn::Residual,
                    StopOnName::ErrorA => StopOn::ErrorA,
                },
                error_delay: self.error_delay.into(),
                lambda_min: self.lambda_min,
            },
            monitor: self.monitor,
            files: Files { output: self.output, history: self.history, json: self.json, matrix },
        })
    }
}

impl PreconditionerOptions {
    /// The options as far as they belong to `chosen` preconditioners; others are refused.
    fn of(&self, chosen: &[&preconditioner::Kind]) -> Result<preconditioner::Options> {
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

fn model_job(source: Source, options: SolveOptions) -> Result<Job> {
    if options.partition.is_some() {
        return Err(Error::usage("the model problem's columns are dealt evenly: --partition does not apply"));
    }
    options.matrix.refuse_for_dense()?;
    options.job(source, RightHandSide::A1, Partition::Blocks, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn petsc_spellings_are_understood() {
        let cli = Cli::parse_from([
            "halocg",
            "solve",
            "a.mtx",
            "--ksp-type",
            "pipeprcg",
            "--pc_type",
            "jacobi",
            "--ksp_rtol",
            "1e-3",
        ]);
        let Ok(Task::Run(job)) = cli.command.into_task() else { panic!("one solve") };
        assert_eq!((job.solver.name, job.preconditioner.name, job.settings.rtol), ("pipe-pr-cg", "jacobi", 1e-3));
    }

    fn task(arguments: &str) -> Result<Task> {
        Cli::parse_from(arguments.split(' ')).command.into_task()
    }

    #[test]
    fn options_reach_the_preconditioner_they_belong_to() {
        let options = |arguments| match task(arguments) {
            Ok(Task::Run(job)) => (job.preconditioning.sub_pc.name, job.preconditioning.chebyshev_degree),
            _ => panic!("one solve"),
        };
        assert_eq!(options("halocg poisson -n 9 --pc bjacobi"), ("ic0", 4));
        assert_eq!(options("halocg poisson -n 9 --pc-type bjacobi --sub-pc-type sor"), ("ssor", 4));
        assert_eq!(options("halocg poisson -n 9 --pc chebyshev --chebyshev-degree 6"), ("ic0", 6));
    }

    #[test]
    fn options_of_another_preconditioner_are_refused() {
        for (arguments, message) in [
            ("halocg poisson -n 9 --pc ssor --sub-pc ic0", "--sub-pc belongs to --pc bjacobi"),
            ("halocg poisson -n 9 --chebyshev-degree 2", "--chebyshev-degree belongs to --pc chebyshev"),
        ] {
            let error = task(arguments).err().expect("a usage error");
            assert_eq!((error.to_string().as_str(), error.exit_code()), (message, crate::error::ExitCode::Usage));
        }
    }
}
