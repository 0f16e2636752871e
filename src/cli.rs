//! Command-line arguments, checked and turned into jobs.

mod checkpoint;
mod compare;
mod config;
mod convert;
mod documents;
mod generated;
mod info;
mod mesh;
mod partition;
mod petsc;
mod predict;
mod solve;
mod values;

pub use checkpoint::CheckpointArgs;
pub use compare::{CompareOptions, List, ProtocolName};
pub use convert::ConvertOptions;
pub use documents::{completions, write_manual_pages};
pub use generated::{GridOptions, ModelOptions};
pub use info::InfoOptions;
pub use mesh::MeshOptions;
pub use partition::PartitionOptions;
pub use predict::{PredictOptions, PredictedPc};
pub use solve::{
    FormatChoice, MatrixArgs, OrderingName, PreconditionerOptions, ProgressName, ScheduleName, SolveOptions,
    SolverChoice, StopOnName, SumArgs, SumName,
};

use crate::error::{Error, Result};
use crate::krylov;
use crate::partition::Partition;
use crate::performance::Effort;
use crate::pipeline::{Conversion, InfoJob, Job, PartitionJob, PredictJob, RightHandSide, Survey};
use crate::problem::Source;
use crate::report::Options;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use clap_complete::Shell;
use std::ffi::OsString;
use std::io::Write as _;
use std::path::PathBuf;

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
    /// Which engine carries the ranks: auto (MPI under mpirun, one rank otherwise), alone, or mpi
    #[arg(
        long,
        global = true,
        value_enum,
        default_value = "auto",
        hide_possible_values = true,
        help_heading = "Ranks"
    )]
    pub engine: Engine,
    /// Take options from this TOML file, where their long names are the keys; the command line wins
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The values of all arguments, defaults and those of --config included.
    #[arg(skip)]
    pub in_force: Options,
}

/// At the end of the help of commands with many options.
const ASK: &str = "--help and a name tells about one option and lists its values, as in halocg solve --help solver";

const EXIT_CODES: &str = "halocg solve --help solver lists the methods, a line each; so for every option.\n\n\
Exit codes: 0 converged, 1 internal or I/O, 2 usage, 3 bad input, 4 iteration or time limit reached, or ended by a signal, \
5 diverged or stagnated, 6 NaN, infinity or underflow, 7 matrix not symmetric positive definite, 8 preconditioner failed";

/// What carries the ranks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Engine {
    /// MPI under a launcher, one rank otherwise.
    Auto,
    /// One rank, without MPI.
    Alone,
    /// MPI, whatever started this process.
    Mpi,
}

/// Subcommands.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Solve A x = b with A from a file, or a problem on a mesh
    #[command(after_help = ASK)]
    Solve {
        /// The matrix: Matrix Market (.mtx, .mtx.gz), .hcg or PETSc's binary format; or a mesh of Gmsh (.msh); told apart by content
        matrix: PathBuf,
        #[command(flatten)]
        #[allow(missing_docs)]
        mesh: MeshOptions,
        #[command(flatten)]
        #[allow(missing_docs)]
        options: SolveOptions,
    },
    /// Solve Poisson's equation on a regular grid
    #[command(after_help = ASK)]
    Poisson {
        #[command(flatten)]
        #[allow(missing_docs)]
        grid: GridOptions,
        /// Write the matrix to this file: .mtx, .hcg, .petsc or .petsc64
        #[arg(long, value_name = "FILE")]
        write: Option<PathBuf>,
        #[command(flatten)]
        #[allow(missing_docs)]
        options: SolveOptions,
    },
    /// Solve the dense diagonal model problem of the published tutorial
    #[command(after_help = ASK)]
    Model {
        #[command(flatten)]
        #[allow(missing_docs)]
        model: ModelOptions,
        #[command(flatten)]
        #[allow(missing_docs)]
        options: SolveOptions,
    },
    /// Compare methods and preconditioners: iterations, accuracy, time, side by side
    #[command(after_help = ASK, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
    Compare {
        /// A generated problem instead of files
        #[command(subcommand)]
        what: Option<Comparison>,
        /// The matrices, as for solve; conditions on a mesh are those of every mesh
        #[arg(required = true)]
        matrices: Vec<PathBuf>,
        #[command(flatten)]
        #[allow(missing_docs)]
        mesh: MeshOptions,
        #[command(flatten)]
        #[allow(missing_docs)]
        options: CompareOptions,
    },
    /// Convert a matrix or vector file to another format
    Convert(ConvertOptions),
    /// Look at a matrix: size, symmetry, spectrum, memory, and advice on how to solve with it
    #[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
    Info {
        /// A generated problem instead of a file
        #[command(subcommand)]
        what: Option<Looked>,
        /// The matrix, as for solve
        #[arg(required = true)]
        matrix: Option<PathBuf>,
        #[command(flatten)]
        #[allow(missing_docs)]
        mesh: MeshOptions,
        #[command(flatten)]
        #[allow(missing_docs)]
        options: InfoOptions,
    },
    /// Decide beforehand which rank of a later run owns which row, and what that will cost it
    #[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
    Partition {
        /// A generated problem instead of a file
        #[command(subcommand)]
        what: Option<Partitioned>,
        /// The matrix, as for solve
        #[arg(required = true)]
        matrix: Option<PathBuf>,
        #[command(flatten)]
        #[allow(missing_docs)]
        mesh: MeshOptions,
        #[command(flatten)]
        #[allow(missing_docs)]
        options: PartitionOptions,
    },
    /// Predict the time per iteration on more ranks, and from how many on pipelining pays
    #[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
    Predict {
        /// A generated problem instead of a file
        #[command(subcommand)]
        what: Option<Predicted>,
        /// The matrix, as for solve
        #[arg(required = true)]
        matrix: Option<PathBuf>,
        #[command(flatten)]
        #[allow(missing_docs)]
        mesh: MeshOptions,
        #[command(flatten)]
        #[allow(missing_docs)]
        options: PredictOptions,
    },
    /// Measure this machine for the performance model, and check the model against it
    Machine {
        /// Write the machine as JSON
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
        /// A first look: smaller cases, timed less often
        #[arg(long)]
        quick: bool,
    },
    /// Print the script that completes arguments in a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Write manual pages
    Man {
        /// Where to
        folder: PathBuf,
    },
}

/// Generated problems to look at.
#[derive(Subcommand, Debug)]
pub enum Looked {
    /// Poisson's equation on a regular grid
    Poisson {
        #[command(flatten)]
        #[allow(missing_docs)]
        grid: GridOptions,
        #[command(flatten)]
        #[allow(missing_docs)]
        options: InfoOptions,
    },
}

/// Generated problems to predict for.
#[derive(Subcommand, Debug)]
pub enum Predicted {
    /// Poisson's equation on a regular grid
    Poisson {
        #[command(flatten)]
        #[allow(missing_docs)]
        grid: GridOptions,
        #[command(flatten)]
        #[allow(missing_docs)]
        options: PredictOptions,
    },
}

/// Generated problems to partition.
#[derive(Subcommand, Debug)]
pub enum Partitioned {
    /// Poisson's equation on a regular grid
    Poisson {
        #[command(flatten)]
        #[allow(missing_docs)]
        grid: GridOptions,
        #[command(flatten)]
        #[allow(missing_docs)]
        options: PartitionOptions,
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

/// What the program is asked to do.
pub enum Task {
    /// One solve.
    Run(Box<Job>),
    /// The same problem solved in several ways, with the title of each.
    SideBySide(Vec<(&'static str, Job)>),
    /// Several methods on several problems.
    Survey(Box<Survey>),
    /// A file into another format.
    Convert(Conversion),
    /// A look at a matrix.
    Info(InfoJob),
    /// A partition for a later run.
    Partition(Box<PartitionJob>),
    /// Time per iteration on more ranks.
    Predict(Box<PredictJob>),
    /// The machine measured, and written to a file if one is named.
    Machine(Effort, Option<PathBuf>),
    /// The script that completes arguments in a shell.
    Completions(Shell),
    /// Manual pages into a folder.
    ManualPages(PathBuf),
}

/// What is to be printed instead of running.
pub enum Instead {
    /// The answer to `--help WORD`.
    Answer(String),
    /// Help, or what is wrong with the arguments.
    Message(clap::Error),
}

impl Instead {
    /// Prints it to where it belongs.
    pub fn print(&self) {
        let _ = match self {
            Instead::Answer(text) => std::io::stdout().write_all(text.as_bytes()),
            Instead::Message(message) => message.print(),
        };
    }

    /// With which the program ends.
    pub fn exit_code(&self) -> i32 {
        match self {
            Instead::Answer(_) => 0,
            Instead::Message(message) => message.exit_code(),
        }
    }
}

impl Cli {
    /// The program's arguments, `--config` and `--help WORD` among them.
    ///
    /// # Errors
    /// What is to be printed instead of running, be it help or what is wrong.
    pub fn from_arguments(arguments: impl IntoIterator<Item = OsString>) -> std::result::Result<Cli, Instead> {
        let arguments: Vec<OsString> = arguments.into_iter().collect();
        if let Some(text) = documents::answer(&arguments) {
            return Err(Instead::Answer(text));
        }
        let parsed = petsc::refuse(&arguments).and_then(|()| config::matches(&arguments)).and_then(|matches| {
            Ok(Cli { in_force: config::in_force(&Cli::command(), &matches), ..Cli::from_arg_matches(&matches)? })
        });
        parsed.map_err(|error| Instead::Message(petsc::advised(error)))
    }

    /// The task, if the arguments fit together.
    ///
    /// # Errors
    /// When they do not.
    pub fn into_task(self) -> Result<Task> {
        config::refuse_twice(&self.in_force)?;
        let mut task = self.command.into_task()?;
        if let Task::Run(job) = &mut task {
            job.options = self.in_force;
        }
        Ok(task)
    }
}

impl Command {
    /// The task, if the arguments fit together.
    ///
    /// # Errors
    /// When they do not.
    pub fn into_task(self) -> Result<Task> {
        let one = |job| Ok(Task::Run(Box::new(job)));
        match self {
            Command::Solve { matrix, mesh, options } => {
                mesh.check(&options)?;
                one(options.job(mesh.source(matrix), RightHandSide::Own, Partition::Metis, None)?)
            }
            Command::Poisson { grid, write, options } => {
                grid.refuse_storage(&options.matrix)?;
                one(options.job(grid.source()?, RightHandSide::Own, Partition::Boxes, write)?)
            }
            Command::Model { model, options } => one(model_job(Source::ModelDense(model.spectrum()), options)?),
            Command::Convert(options) => Ok(Task::Convert(options.conversion()?)),
            Command::Info { what: Some(Looked::Poisson { grid, options }), .. } => {
                Ok(Task::Info(options.job(grid.source()?, Partition::Boxes)))
            }
            Command::Info { what: None, matrix, mesh, options } => {
                Ok(Task::Info(options.job(mesh.source(matrix.expect("required")), Partition::Metis)))
            }
            Command::Partition { what: Some(Partitioned::Poisson { grid, options }), .. } => {
                Ok(Task::Partition(Box::new(options.job(grid.source()?, Partition::Boxes))))
            }
            Command::Partition { what: None, matrix, mesh, options } => {
                let source = mesh.source(matrix.expect("required"));
                Ok(Task::Partition(Box::new(options.job(source, Partition::Metis))))
            }
            Command::Predict { what: Some(Predicted::Poisson { grid, options }), .. } => {
                Ok(Task::Predict(Box::new(options.job(grid.source()?, Partition::Boxes))))
            }
            Command::Predict { what: None, matrix, mesh, options } => {
                let source = mesh.source(matrix.expect("required"));
                Ok(Task::Predict(Box::new(options.job(source, Partition::Metis))))
            }
            Command::Machine { json, quick } => {
                Ok(Task::Machine(if quick { Effort::QUICK } else { Effort::FULL }, json))
            }
            Command::Completions { shell } => Ok(Task::Completions(shell)),
            Command::Man { folder } => Ok(Task::ManualPages(folder)),
            Command::Compare { what: None, matrices, mesh, options } => {
                let sources = matrices.into_iter().map(|path| mesh.clone().source(path)).collect();
                options.survey(sources, krylov::TABLE, Partition::Metis)
            }
            Command::Compare { what: Some(Comparison::Poisson { grid, options }), .. } => {
                grid.refuse_storage(&options.matrix)?;
                options.survey(vec![grid.source()?], krylov::TABLE, Partition::Boxes)
            }
            Command::Compare { what: Some(Comparison::Model { model, options }), .. } => {
                let sources = vec![Source::ModelDense(model.spectrum()), Source::ModelSparse(model.spectrum())];
                options.survey(sources, &krylov::TABLE[..1], Partition::Blocks)
            }
        }
    }
}

fn model_job(source: Source, options: SolveOptions) -> Result<Job> {
    if options.partition.is_some() {
        return Err(Error::usage("the model problem's columns are dealt evenly: --partition does not apply"));
    }
    options.matrix.refuse_for_dense()?;
    if options.reproducible {
        return Err(Error::usage(
            "products of the dense model problem are sums over all ranks: --reproducible does not apply",
        ));
    }
    options.job(source, RightHandSide::Own, Partition::Blocks, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        use clap::CommandFactory;
        let mut cli = Cli::command();
        cli.build();
        check(&cli);
    }

    /// clap checks itself in a debug build only; this part of it is checked in any.
    fn check(command: &clap::Command) {
        for argument in command.get_arguments() {
            let conflicts = command.get_arg_conflicts_with(argument); // panics on an unknown name
            assert!(conflicts.iter().all(|other| other.get_id() != argument.get_id()), "{argument}");
        }
        command.get_subcommands().for_each(check);
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
        assert_eq!(
            (job.solver.expect("named").name, job.preconditioner.name, job.settings.rtol),
            ("pipe-pr-cg", "jacobi", 1e-3)
        );
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
