//! Reads a matrix, deals it out and solves with it, every rank its share.
//!
//! ```text
//! cargo build --release --example read_and_solve
//! mpirun -n 4 target/release/examples/read_and_solve meshes/plate_hole.mtx x.mtx
//! ```
//!
//! Without mpirun it runs on one rank.

#[cfg(all(test, feature = "mpi"))]
#[path = "../tests/common/mod.rs"]
mod common;

use halocg::comm::{Comm, launcher};
use halocg::distributed::rows_to_owners;
use halocg::error::Result;
use halocg::krylov::{self, Settings};
use halocg::operator::{DistMatrix, Operator};
use halocg::partition::{self, Partition};
use halocg::preconditioner;
use halocg::problem::{self, FileFormat, Source};
use std::path::Path;

/// Solves A x = b with b of ones and writes x, in the order of the file. Collective.
fn solve(comm: &Comm, matrix: &Path, solution: &Path) -> Result<krylov::Outcome> {
    // Every rank reads its share of the file ...
    let problem = problem::load(comm, &Source::File(matrix.into()))?;
    // ... and sends each row to its owner.
    let owners = partition::assign(comm, &problem, &Partition::Metis)?;
    let rows = rows_to_owners(comm, &problem, &owners);
    let mut a = DistMatrix::new(comm, problem.n(), rows, &owners);
    let mut m = preconditioner::Kind::named("bjacobi").expect("it is in the table").build(&a)?;
    let b = vec![1.0; a.layout().len()];
    let method = krylov::Kind::named("pipe-pr-cg").expect("it is in the table");
    let outcome = krylov::solve(&mut a, m.as_mut(), &b, None, method, &Settings::default(), |_| ());
    problem::write_vector(comm, &a.layout().to_even(&outcome.x), solution, FileFormat::MatrixMarket)?;
    Ok(outcome)
}

/// The ranks of mpirun, or this process alone.
fn ranks() -> Result<Comm> {
    #[cfg(feature = "mpi")]
    if launcher::is_launched() {
        return Comm::mpi();
    }
    assert!(!launcher::is_launched(), "under mpirun this needs the feature mpi");
    Ok(Comm::alone())
}

fn run(matrix: &Path, solution: &Path) -> Result<()> {
    let comm = ranks()?;
    let outcome = solve(&comm, matrix, solution)?;
    assert!(outcome.reason.is_converged(), "{:?}", outcome.reason);
    if comm.is_root() {
        println!("ranks: {}, iterations: {}", comm.size(), outcome.iterations);
    }
    Ok(())
}

fn main() {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(matrix), Some(solution)) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: read_and_solve MATRIX SOLUTION");
        std::process::exit(2);
    };
    // The same error on every rank; a program for users would print it once.
    if let Err(error) = run(Path::new(&matrix), Path::new(&solution)) {
        eprintln!("{error}");
        std::process::exit(error.exit_code() as i32);
    }
}

#[cfg(all(test, feature = "mpi"))]
#[test]
fn it_runs() {
    // Beside this program: the same place for all ranks, and nobody else's.
    let solution = std::env::current_exe().expect("this program has a path").with_extension("x.mtx");
    let matrix = Path::new(env!("CARGO_MANIFEST_DIR")).join("meshes/plate_hole.mtx");
    common::as_ranks_of_mpirun("it_runs", &[1, 2, 4], || run(&matrix, &solution).expect("the plate has a solution"));
    let text = std::fs::read_to_string(&solution).expect("x was written");
    assert_eq!(text.lines().filter(|line| !line.starts_with('%')).count(), 1 + 6240);
}
