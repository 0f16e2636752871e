//! The published convergence table (Chen & Carson 2020), row by row, and the accuracies of the
//! model problem. Protocol: x* = ones/√n, b = A x*, x₀ = 0, a fixed number of iterates, the A-norm
//! of the error relative to its start.

mod common;

use common::{HAS_MPI, Launch, halocg, launch, matrices, reference};
use halocg::comm::Comm;
use halocg::distributed::rows_to_owners;
use halocg::krylov::{self, Settings};
use halocg::operator::{DenseColumns, DistMatrix, Operator};
use halocg::partition::{self, Partition};
use halocg::preconditioner;
use halocg::problem::{self, Source, Spectrum};
use std::path::Path;

/// The rows tested here are those of matrices up to this size: the others take long.
const LARGEST: u64 = 4000;

/// Variants whose long runs (more than 10 000 iterates) are tested too.
const ALWAYS: [&str; 2] = ["HS-CG", "PIPE-PR-CG"];

#[derive(Debug)]
struct Row {
    matrix: String,
    preconditioner: String,
    n: u64,
    run_length: u64,
    variant: String,
    iterations: Option<u64>,
    log10_min_error: f64,
}

fn table(folder: &Path) -> Vec<Row> {
    let text = std::fs::read_to_string(folder.join("convergence.csv")).expect("the published table");
    let row = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        Row {
            matrix: cells[0].into(),
            preconditioner: cells[1].to_lowercase(),
            n: cells[2].parse().expect("n"),
            run_length: cells[4].parse().expect("run length"),
            variant: cells[5].into(),
            iterations: cells[6].parse().ok(), // blank: never
            log10_min_error: cells[7].parse().expect("min error"),
        }
    };
    text.lines().skip(1).filter(|line| !line.is_empty()).map(row).collect()
}

/// Relative A-norm errors of all iterates of the paper's protocol.
fn error_history(comm: &Comm, source: &Source, method: &krylov::Kind, pc: &str, run_length: u64) -> Vec<f64> {
    let problem = problem::load(comm, source).expect("the matrix can be read");
    let owners = partition::assign(comm, &problem, &Partition::Metis).expect("the matrix can be partitioned");
    let mut a = DistMatrix::new(comm, problem.n(), rows_to_owners(comm, &problem, &owners), &owners);
    let mut m = preconditioner::Kind::named(pc).unwrap().build(&a).expect("the preconditioner can be built");
    let solution = vec![1.0 / (problem.n() as f64).sqrt(); a.layout().len()];
    let mut b = solution.clone();
    a.apply(&solution, &mut b);
    let mut errors = Vec::new();
    let mut product = b.clone();
    let settings = Settings::exactly(run_length - 1);
    krylov::solve(&mut a, m.as_mut(), &b, None, method, &settings, |snapshot| {
        let error: Vec<f64> = snapshot.x.iter().zip(&solution).map(|(x, solution)| x - solution).collect();
        snapshot.a.apply(&error, &mut product);
        let mut square = [error.iter().zip(&product).map(|(e, ae)| e * ae).sum()];
        snapshot.a.layout().comm().sum(&mut square);
        errors.push(square[0].abs().sqrt());
    });
    let first = errors[0];
    errors.into_iter().map(|error| error / first).collect()
}

/// How far summation order alone moves the published figures: it differs between any two machines.
/// Iterations, and digits of accuracy (worse than published; better is no failure).
fn tolerances(row: &Row, published: u64) -> (u64, f64) {
    let share = |percent: u64| published * percent / 100;
    let iterations = match (row.preconditioner.as_str(), row.variant.as_str(), row.matrix.as_str()) {
        // Methods that pile up rounding errors are moved most by them.
        (_, "GV-CG" | "PIPE-P-CG", _) => share(15).max(3),
        // Two ill-conditioned cases. Plain serial programs, on 24 orderings of the rows and of the sums, need here:
        // CG-CG 309 to 331, M-CG 311 to 324, PR-CG 305 to 313, PIPE-PR-CG 316 to 327 iterations;
        ("jacobi", _, "nos1") => share(6),
        // PIPE-PR-CG 3259 to 3353.
        ("jacobi", _, "nos2") => share(3),
        ("jacobi", _, _) => share(1).max(2),
        (_, "PIPE-PR-CG", "bcsstk03") => share(6),
        (_, "PIPE-PR-M-CG", _) => share(10).max(3),
        _ => share(5).max(3),
    };
    let digits = match row.variant.as_str() {
        "HS-CG" | "PR-CG" | "M-CG" => 0.5,
        "GV-CG" | "PIPE-P-CG" => 1.6,
        _ => 0.8,
    };
    (iterations, digits)
}

/// What is wrong with our figures for a row, if anything.
fn deviation(row: &Row, errors: &[f64]) -> Option<String> {
    let (tolerance, allowance) = tolerances(row, row.iterations.unwrap_or(0));
    let iterations = errors.iter().position(|&error| error <= 1e-5).map(|k| k as u64);
    let min_error = errors.iter().copied().fold(f64::INFINITY, f64::min).log10();
    let close = match (row.iterations, iterations) {
        (Some(published), Some(ours)) => ours.abs_diff(published) <= tolerance,
        // Never reached, as published; or reached by luck of the rounding.
        (None, _) => true,
        (Some(_), None) => false,
    };
    // Nothing better than rounding x itself is asked for.
    let accurate = min_error <= (row.log10_min_error + allowance).max(f64::EPSILON.log10());
    (!close || !accurate).then(|| {
        let Row { matrix, preconditioner, variant, log10_min_error, .. } = row;
        let published = row.iterations;
        format!(
            "{matrix} {preconditioner} {variant}: {iterations:?} iterations, published {published:?} +- {tolerance}; \
             accuracy {min_error:.2}, published {log10_min_error} + {allowance}"
        )
    })
}

fn reproduce(ranks: usize) {
    let (Some(matrices), Some(reference)) = (matrices(), reference()) else { return };
    let (mut checked, mut deviations) = (0, Vec::new());
    for row in table(&reference) {
        let path = matrices.join(format!("{}.mtx", row.matrix));
        let method = krylov::TABLE.iter().find(|kind| kind.paper_name == row.variant);
        let long = row.run_length > 10_000 && !ALWAYS.contains(&row.variant.as_str());
        let (Some(method), true, true, false) = (method, row.n <= LARGEST, path.is_file(), long) else { continue };
        let source = Source::File(path);
        let run = |comm: &Comm| error_history(comm, &source, method, &row.preconditioner, row.run_length);
        let errors = if ranks == 1 { run(&Comm::alone()) } else { Comm::threads(ranks, run).swap_remove(0) };
        deviations.extend(deviation(&row, &errors));
        checked += 1;
    }
    eprintln!("{checked} rows of the published table checked on {ranks} ranks");
    assert!(checked > 0, "no row of the table has its matrix in {}", matrices.display());
    assert!(deviations.is_empty(), "on {ranks} ranks:\n{}", deviations.join("\n"));
}

#[test]
fn the_published_table_is_reproduced_on_one_rank() {
    reproduce(1);
}

#[test]
fn the_published_table_is_reproduced_on_four_ranks() {
    reproduce(4);
}

/// n = 12288, κ = 10⁶, ρ = 0.9, 1500 iterations: the author's range of ‖x − x*‖₂ over eight node
/// counts; for M, PIPE-P and PIPE-PR-M, which the author did not run, and GV-CG-RR, the value of an
/// independent serial program and a factor of three around it.
const MODEL: Spectrum = Spectrum { n: 12288, kappa: 1e6, rho: 0.9 };
const MODEL_ACCURACY: &[(&str, f64, f64)] = &[
    ("HS-CG", 1.09e-7, 1.32e-7),
    ("PR-CG", 2.29e-7, 3.12e-7),
    ("PIPE-PR-CG", 2.77e-7, 4.94e-7),
    ("CG-CG", 2.05e-6, 3.12e-6),
    ("GV-CG", 4.67e-5 / 1.5, 5.72e-5 * 1.5), // what piles up rounding errors varies with them
    ("M-CG", 1.17e-6 / 3.0, 1.17e-6 * 3.0),
    ("PIPE-P-CG", 5.13e-5 / 3.0, 5.13e-5 * 3.0),
    ("PIPE-PR-M-CG", 3.17e-6 / 3.0, 3.17e-6 * 3.0),
];

fn check_model_error(variant: &str, error: f64, what: &str) {
    let Some(&(_, low, high)) = MODEL_ACCURACY.iter().find(|row| row.0 == variant) else {
        eprintln!("{variant} {what}: error {error:e}; nothing published to compare with");
        return;
    };
    // Summation order moves it as much as the node count does.
    let range = low / 1.15..=high * 1.15;
    assert!(range.contains(&error), "{variant} {what}: error {error:e}, published {low:e} to {high:e}");
}

/// ‖x − x*‖₂ after 1500 iterations; ‖x*‖ = 1.
fn model_error(a: &mut dyn Operator, method: &krylov::Kind) -> f64 {
    let x = 1.0 / (MODEL.n as f64).sqrt();
    let b: Vec<f64> = a.layout().rows().iter().map(|&row| MODEL.eigenvalue(row) * x).collect();
    let settings = Settings::exactly(1500);
    let mut m = preconditioner::Kind::named("none").unwrap().build(a).unwrap();
    let outcome = krylov::solve(a, m.as_mut(), &b, None, method, &settings, |_| ());
    assert_eq!(outcome.iterations, 1500);
    let error: Vec<f64> = outcome.x.iter().map(|value| value - x).collect();
    krylov::norm(a, &error)
}

#[test]
fn the_model_problem_stored_sparse_has_the_published_accuracy() {
    for method in krylov::TABLE {
        for ranks in [1, 4] {
            let run = |comm: &Comm| {
                let problem = problem::load(comm, &Source::ModelSparse(MODEL)).unwrap();
                let owners = partition::assign(comm, &problem, &Partition::Blocks).unwrap();
                let mut a = DistMatrix::new(comm, MODEL.n, rows_to_owners(comm, &problem, &owners), &owners);
                model_error(&mut a, method)
            };
            check_model_error(method.paper_name, Comm::threads(ranks, run)[0], &format!("sparse, {ranks} ranks"));
        }
    }
}

/// The same with 1.2 GB of dense columns.
#[test]
fn the_model_problem_stored_dense_has_the_published_accuracy() {
    let method = krylov::Kind::named("pipe-pr-cg").unwrap();
    let errors = Comm::threads(2, |comm| model_error(&mut DenseColumns::new(comm, &MODEL), method));
    check_model_error(method.paper_name, errors[0], "dense, 2 ranks");
}

/// The rows above run on threads; one of them through the program, under mpirun, end to end.
#[test]
fn a_published_row_is_reproduced_under_mpirun() {
    let Some(matrices) = matrices() else { return };
    if !HAS_MPI {
        eprintln!("NOT TESTED: this build has no MPI");
        return;
    }
    let matrix = matrices.join("bcsstk15.mtx");
    let run = |how| {
        let args = ["solve", matrix.to_str().unwrap(), "--pc", "jacobi", "--rtol", "1e-10", "--rhs", "A1"];
        let finished = launch(how, halocg(), &args);
        assert_eq!(finished.code, Some(0), "{finished:?}");
        let line = finished.stdout.lines().find(|line| line.starts_with("iterations")).expect("a summary").to_string();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().expect("a count")
    };
    let (alone, four) = (run(Launch::Alone), run(Launch::Mpirun(4)));
    assert!(alone.abs_diff(four) <= 6, "{alone} and {four} iterations");
}
