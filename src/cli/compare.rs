//! Options of a comparison.

use super::Task;
use super::solve::{MatrixArgs, PreconditionerOptions, SumArgs};
use super::values::*;
use crate::error::{Error, Result};
use crate::krylov::{self, Settings};
use crate::partition::Partition;
use crate::pipeline::{Checkpointing, Files, Job, Protocol, RightHandSide, Survey};
use crate::preconditioner;
use crate::problem::{Reading, Source};
use crate::report::{Options, ProgressLine};
use clap::Args;
use std::path::PathBuf;

/// Options of a comparison. The right-hand side is A ones/sqrt(n), so that the error is known.
#[derive(Args, Debug)]
pub struct CompareOptions {
    /// Methods, separated by commas, or all; all by default, for the model problem pipe-pr-cg
    #[arg(long, aliases = ["solver", "method", "methods", "ksp-type", "ksp_type"], value_parser = solver_list())]
    pub solvers: Option<List<krylov::Kind>>,
    /// Preconditioners, separated by commas, or all
    #[arg(long, aliases = ["pc-type", "pc_type"], default_value = "none", value_parser = preconditioner_list())]
    pub pc: List<preconditioner::Kind>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub preconditioning: PreconditionerOptions,
    /// Relative tolerance of the timed solves
    #[arg(long, aliases = ["tol", "ksp-rtol", "ksp_rtol"], default_value = "1e-8", allow_negative_numbers = true, value_parser = not_negative)]
    pub rtol: f64,
    /// Iteration limit of the timed solves
    #[arg(long, aliases = ["ksp-max-it", "ksp_max_it"], default_value = "10000")]
    pub max_it: u64,
    /// paper: a fixed number of iterates (--iterations), no early stop, nothing timed
    #[arg(long, value_enum, default_value = "tolerance")]
    pub protocol: ProtocolName,
    /// Iterates of the paper's protocol, the initial guess included
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub iterations: Option<u64>,
    /// Who owns which row: metis, blocks, boxes (poisson only), rcb (poisson and meshes), or file:PATH
    #[arg(long, value_parser = partition)]
    pub partition: Option<Partition>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub sums: SumArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub matrix: MatrixArgs,
    /// Take the matrices of files as they are: do not compare their two triangles
    #[arg(long)]
    pub assume_symmetric: bool,
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

impl CompareOptions {
    pub(super) fn survey(
        self,
        sources: Vec<Source>,
        solvers: &'static [krylov::Kind],
        partition: Partition,
    ) -> Result<Task> {
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
        let reading = Reading { assume_symmetric: self.assume_symmetric, ..Reading::default() };
        let (sum, matrix) = (self.sums.choice(), self.matrix.options());
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
                reading,
                sum,
                rhs: RightHandSide::A1,
                x0: None,
                partition: partition.clone(),
                matrix,
                reproducible: false,
                solver: Some(solver),
                preconditioner: pc,
                preconditioning,
                settings,
                checkpointing: Checkpointing::default(),
                monitor: false,
                progress: ProgressLine::Auto,
                view: false,
                log_view: false,
                files: Files { json: self.json.clone(), ..Files::default() },
                options: Options::new(),
            };
            return Ok(Task::SideBySide(["dense", "sparse"].into_iter().zip(sources.into_iter().map(job)).collect()));
        }
        Ok(Task::Survey(Box::new(Survey {
            sources,
            sum,
            solvers,
            preconditioners: self.pc.0,
            preconditioning,
            partition,
            matrix,
            reading,
            settings,
            protocol,
            csv: self.csv,
            json: self.json,
            plots: self.plot,
        })))
    }
}
