//! Several methods and preconditioners on several problems.

use super::outputs::{Results, check_files, make_folder, of_source};
use super::vectors::{refuse_singular, right_hand_side};
use super::{RightHandSide, check_diagonal, describe, distribute, show};
use crate::comm::measure::{SumChoice, choose_sum};
use crate::comm::{Comm, Op};
use crate::error::{ExitCode, Result};
use crate::files::write_file;
use crate::krylov::{self, Settings};
use crate::operator::{MatrixOptions, Operator};
use crate::partition::Partition;
use crate::preconditioner::{self, Preconditioner};
use crate::problem::{self, FileFormat, Problem, Reading, Source};
use crate::report::{
    Comparison, Spread, TimedSolve, comparison_csv, comparison_json, comparison_table, convergence_charts,
};
use std::fmt::Display;
use std::path::{Component, Path, PathBuf};

/// What to compare. The right-hand side is always A·(1, …, 1)/√n, the initial guess zero.
pub struct Survey {
    /// The matrices.
    pub sources: Vec<Source>,
    /// How global sums travel.
    pub sum: SumChoice,
    /// The methods.
    pub solvers: Vec<&'static krylov::Kind>,
    /// The preconditioners.
    pub preconditioners: Vec<&'static preconditioner::Kind>,
    /// Their options.
    pub preconditioning: preconditioner::Options,
    /// Who owns what.
    pub partition: Partition,
    /// How matrices are kept and swept.
    pub matrix: MatrixOptions,
    /// How files are read.
    pub reading: Reading,
    /// When the timed solves stop.
    pub settings: Settings,
    /// How accuracy is measured.
    pub protocol: Protocol,
    /// Table of the rows.
    pub csv: Option<PathBuf>,
    /// The rows with all curves.
    pub json: Option<PathBuf>,
    /// Folder for convergence charts, SVG and PNG.
    pub plots: Option<PathBuf>,
}

/// How accuracy is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// A timed solve to the tolerance, and a second run without one, long enough to see how far the error falls.
    Tolerance,
    /// The paper's: so many iterates (x₀ included), no early stop, no replacement, nothing timed.
    Paper {
        /// Number of iterates.
        iterates: u64,
    },
}

/// Runs everything, prints the tables, writes the files. Collective.
///
/// # Errors
/// Unreadable matrices, impossible preconditioners, unwritable files; the same on every rank.
pub fn survey(comm: &Comm, survey: &Survey) -> Result<ExitCode> {
    let _folders = make_folder(comm, "--plot", survey.plots.as_deref())?;
    let read: Vec<_> = survey.sources.iter().map(of_source).collect();
    check_files(comm, &read, &[("--csv", survey.csv.as_deref()), ("--json", survey.json.as_deref())])?;
    choose_sum(comm, survey.sum)?;
    // Not after the others have been solved.
    survey.sources.iter().try_for_each(|source| problem::check(comm, source))?;
    let (mut rows, mut shown) = (Vec::new(), Vec::new());
    // What was compared before something went wrong is written all the same.
    let mut compared = survey.sources.iter().zip(names(&survey.sources));
    let failure =
        compared.find_map(|(source, name)| compare_on(comm, survey, source, &name, &mut rows, &mut shown).err());
    let mut results = Results::new(comm);
    if !rows.is_empty() {
        results.by_root(survey.csv.as_deref(), |path| write_file(path, comparison_csv(&rows).as_bytes()));
        results.by_root(survey.json.as_deref(), |path| write_file(path, comparison_json(&rows).as_bytes()));
        results.by_root(survey.plots.as_deref(), |folder| write_charts(folder, &rows));
    }
    results.finish(shown.into_iter().collect())?;
    failure.map_or(Ok(ExitCode::Converged), Err)
}

/// Everything on one problem, added to the rows, and how printing it went. Collective.
fn compare_on(
    comm: &Comm,
    survey: &Survey,
    source: &Source,
    name_of_matrix: &str,
    rows: &mut Vec<Comparison>,
    shown: &mut Vec<Result<()>>,
) -> Result<()> {
    let problem = problem::load_with(comm, source, &survey.reading)?.problem;
    let mut a = distribute(comm, source, &problem, &survey.partition, &survey.matrix)?.a;
    check_diagonal(a.as_ref(), source)?;
    if let Problem::Matrix(..) = problem {
        let b = right_hand_side(&RightHandSide::A1, &problem, a.as_mut())?.0;
        refuse_singular(a.as_ref(), &b, || describe(source))?;
    }
    if let Some(mesh) = RightHandSide::A1.mesh_facts(source, &problem) {
        shown.push(show(comm, || format!("{}: {}\n", describe(source), mesh.conditions)));
    }
    for pc in &survey.preconditioners {
        let name = pc.label(&survey.preconditioning);
        let say = |text: &dyn Display| show(comm, || format!("{}, preconditioner {name}: {text}\n", describe(source)));
        // Not the end of a comparison: the others may be possible.
        let mut m = match pc.build_with(a.as_ref(), &survey.preconditioning) {
            Ok(m) => m,
            Err(error) => {
                shown.push(say(&format_args!("left out: {error}")));
                continue;
            }
        };
        shown.extend(m.note().map(|note| say(&note)));
        let first = rows.len();
        for method in &survey.solvers {
            rows.push(compare_one(comm, a.as_mut(), m.as_mut(), [name_of_matrix, &name], method, survey));
        }
        shown.push(show(comm, || comparison_table(&rows[first..])));
    }
    Ok(())
}

/// Each is tried.
fn write_charts(folder: &Path, rows: &[Comparison]) -> Result<()> {
    let mut written = Ok(());
    for (name, chart) in rows.chunk_by(Comparison::is_beside).flat_map(convergence_charts) {
        let svg = write_file(&folder.join(format!("{name}.svg")), chart.svg().as_bytes());
        written = written.and(svg).and(write_file(&folder.join(format!("{name}.png")), &chart.png()));
    }
    written
}

fn compare_one(
    comm: &Comm,
    a: &mut dyn Operator,
    m: &mut dyn Preconditioner,
    [matrix, pc]: [&str; 2],
    method: &'static krylov::Kind,
    survey: &Survey,
) -> Comparison {
    let n = a.layout().n();
    let solution = vec![1.0 / (n as f64).sqrt(); a.layout().len()];
    let mut b = solution.clone();
    a.apply(&solution, &mut b);
    let (solve, iterates) = match survey.protocol {
        Protocol::Paper { iterates } => (None, iterates),
        Protocol::Tolerance => {
            let solve = timed_solve(comm, a, m, &b, method, &survey.settings);
            // Attainable accuracy shows well after the tolerance.
            let iterates = 3 * solve.iterations + 50;
            (Some(solve), iterates)
        }
    };
    let (errors, residuals) = accuracy_run(comm, a, m, &b, &solution, method, iterates);
    let least = errors.iter().copied().filter(|error| !error.is_nan()).fold(f64::INFINITY, f64::min);
    Comparison {
        matrix: matrix.into(),
        preconditioner: pc.into(),
        n,
        nnz: comm.reduced(Op::Sum, a.stored_entries()),
        run_length: iterates,
        variant: method.paper_name,
        iterations_to_1e_5: errors.iter().position(|&error| error <= 1e-5).map(|k| k as u64),
        log10_min_error: least.log10(),
        ranks: comm.size(),
        solve,
        errors,
        residuals,
    }
}

fn timed_solve(
    comm: &Comm,
    a: &mut dyn Operator,
    m: &mut dyn Preconditioner,
    b: &[f64],
    method: &krylov::Kind,
    settings: &Settings,
) -> TimedSolve {
    let before = comm.profile().counts();
    let outcome = krylov::solve(a, m, b, None, method, settings, |_| ());
    let counts = comm.profile().counts().since(&before);
    let per_iteration = |total: f64| total / outcome.iterations.max(1) as f64;
    TimedSolve {
        petsc_reason: outcome.reason.petsc_name(),
        iterations: outcome.iterations,
        true_relative_residual: outcome.true_residual / outcome.reference_norm,
        microseconds_per_iteration: 1e6 * Spread::over(comm, outcome.seconds_per_iteration()).max,
        sums_per_iteration: per_iteration(counts.sums as f64),
        products_per_iteration: per_iteration(counts.products as f64),
        replaced_residuals: outcome.replacements,
        corrupted_vectors: outcome.corruptions,
    }
}

/// Relative A-norm errors and true residuals of `iterates` iterates.
fn accuracy_run(
    comm: &Comm,
    a: &mut dyn Operator,
    m: &mut dyn Preconditioner,
    b: &[f64],
    solution: &[f64],
    method: &krylov::Kind,
    iterates: u64,
) -> (Vec<f64>, Vec<f64>) {
    let (mut errors, mut residuals) = (Vec::new(), Vec::new());
    let mut product = vec![0.0; b.len()];
    krylov::solve(a, m, b, None, method, &Settings::exactly(iterates.saturating_sub(1)), |snapshot| {
        let error: Vec<f64> = snapshot.x.iter().zip(solution).map(|(x, solution)| x - solution).collect();
        // b − A x = −A (x − x*): one product serves both.
        snapshot.a.apply(&error, &mut product);
        let squares = comm.sum_of([comm.dot(&error, &product), comm.dot(&product, &product)]);
        errors.push(squares[0].abs().sqrt());
        residuals.push(squares[1].sqrt());
    });
    let relative = |values: Vec<f64>| {
        let first = values[0];
        values.into_iter().map(|value| if first > 0.0 { value / first } else { value }).collect()
    };
    (relative(errors), relative(residuals))
}

/// A name for each, for tables and file names: short ones, but of files that would be called the same all that their paths
/// say; a number besides where that is the same too.
fn names(sources: &[Source]) -> Vec<String> {
    let short: Vec<String> = sources.iter().map(short_name).collect();
    let mut names: Vec<String> = Vec::new();
    for (source, name) in sources.iter().zip(&short) {
        let name = match source {
            Source::File(path) | Source::Mesh(path, _) if short.iter().filter(|other| *other == name).count() > 1 => {
                long_name(path)
            }
            _ => name.clone(),
        };
        let numbered = (2..).map(|number| format!("{name}-{number}"));
        let free = std::iter::once(name.clone()).chain(numbered).find(|name| !names.contains(name));
        names.push(free.expect("there are numbers enough"));
    }
    names
}

/// The folders of a path and the file, ending and all, in one word.
fn long_name(path: &Path) -> String {
    let words = path.components().filter_map(|component| match component {
        Component::Normal(word) => Some(word.to_string_lossy().replace(',', "_")),
        _ => None,
    });
    words.collect::<Vec<_>>().join("_")
}

/// A name without commas.
fn short_name(source: &Source) -> String {
    match source {
        Source::File(path) | Source::Mesh(path, _) => {
            let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
            let name = name.strip_suffix(".gz").unwrap_or(&name);
            let formats = FileFormat::TABLE.iter().map(|(_, ending, _)| *ending);
            let without = |ending: &str| name.strip_suffix(ending)?.strip_suffix('.');
            formats.chain(["msh"]).find_map(without).unwrap_or(name).replace(',', "_")
        }
        Source::Poisson(stencil) | Source::PoissonMatrixFree(stencil) => {
            let points: Vec<String> = stencil.points[..stencil.dim].iter().map(u64::to_string).collect();
            let coefficients: String = match stencil.coefficients {
                [1.0, 1.0, 1.0] => String::new(),
                along => along[..stencil.dim].iter().map(|c| format!("_{c:e}")).collect(),
            };
            format!("poisson_{}_{}pt{coefficients}", points.join("x"), stencil.size())
        }
        Source::ModelDense(spectrum) => format!("model_{}_dense", spectrum.n),
        Source::ModelSparse(spectrum) => format!("model_{}_sparse", spectrum.n),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_the_ending_and_are_apart() {
        let names = |paths: &[&str]| names(&paths.iter().map(|path| Source::File(path.into())).collect::<Vec<_>>());
        assert_eq!(
            names(&["a/A.mtx.gz", "B.hcg", "C.petsc64", "D.msh", "1,5.petsc", "E.dat"]),
            ["A", "B", "C", "D", "1_5", "E.dat"]
        );
        assert_eq!(names(&["fine/A.mtx", "../coarse/A.mtx", "B.mtx"]), ["fine_A.mtx", "coarse_A.mtx", "B"]);
        assert_eq!(names(&["A.mtx", "A.hcg"]), ["A.mtx", "A.hcg"]);
        assert_eq!(names(&["A.mtx", "A.mtx", "./A.mtx"]), ["A.mtx", "A.mtx-2", "A.mtx-3"]);
    }
}
