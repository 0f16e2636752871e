//! A system given as triplets (row, column, value), solved on four ranks.
//!
//! ```text
//! cargo run --release --example triplets
//! ```
//!
//! The ranks are threads here. Under mpirun, `Comm::mpi()?` takes the place of `Comm::threads`, and nothing else changes.

use halocg::comm::Comm;
use halocg::distributed::rows_to_owners;
use halocg::error::Result;
use halocg::krylov::{self, Settings};
use halocg::operator::{DistMatrix, Operator};
use halocg::partition::{self, Partition};
use halocg::preconditioner;
use halocg::problem::{EvenSplit, Problem, Rows};

const N: u64 = 1000;

/// A chain of springs, held at both ends: both triangles, in any order.
fn triplets() -> impl Iterator<Item = (u64, u64, f64)> {
    let stiffness = |spring: u64| 1.0 + (spring % 3) as f64;
    (0..N)
        .map(move |i| (i, i, stiffness(i) + stiffness(i + 1)))
        .chain((1..N).flat_map(move |i| [(i, i - 1, -stiffness(i)), (i - 1, i, -stiffness(i))]))
}

/// The displacements of this rank's own springs' ends, with their numbers. Collective.
fn displacements(comm: &Comm) -> Result<Vec<(u64, f64)>> {
    // Before the partition every rank holds an even share of the rows.
    let share = EvenSplit { n: N, ranks: comm.size() }.share(comm.rank());
    let mut mine: Vec<_> = triplets().filter(|(row, _, _)| share.contains(row)).collect();
    mine.sort_by_key(|&(row, column, _)| (row, column));
    let mut rows = Rows::new();
    for entries in mine.chunk_by(|a, b| a.0 == b.0) {
        rows.push(entries[0].0, entries.iter().map(|&(_, column, value)| (column, value)));
    }
    let problem = Problem::Matrix(N, rows);

    let owners = partition::assign(comm, &problem, &Partition::Metis)?;
    let mut a = DistMatrix::new(comm, N, rows_to_owners(comm, &problem, &owners), &owners);
    let mut m = preconditioner::Kind::named("jacobi").expect("it is in the table").build(&a)?;
    let b = vec![1.0; a.layout().len()];
    let method = krylov::Kind::named("pipe-pr-cg").expect("it is in the table");
    let outcome = krylov::solve(&mut a, m.as_mut(), &b, None, method, &Settings::default(), |_| ());
    assert!(outcome.reason.is_converged(), "{:?}", outcome.reason);
    Ok(a.layout().rows().iter().copied().zip(outcome.x).collect())
}

fn main() {
    let by_rank = Comm::threads(4, |comm| displacements(comm).expect("this system has a solution"));
    let (row, largest) = by_rank.into_iter().flatten().max_by(|a, b| a.1.total_cmp(&b.1)).expect("there are rows");
    println!("the end of spring {row} moves farthest: {largest:.1}");
    // The load is the same everywhere, so it is the middle that gives way.
    assert!(row.abs_diff(N / 2) < 5);
}

#[test]
fn it_runs() {
    main();
}
