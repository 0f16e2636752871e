//! A preconditioner of one's own: each rank solves with the tridiagonal part of its own block, exactly.
//!
//! ```text
//! cargo run --release --example preconditioner
//! ```
//!
//! On a grid whose coupling is strong along one axis that is nearly the whole matrix.

use halocg::comm::Comm;
use halocg::distributed::rows_to_owners;
use halocg::error::Result;
use halocg::krylov::{self, Settings};
use halocg::operator::{DistMatrix, Operator};
use halocg::partition::{self, Partition};
use halocg::preconditioner::{self, Preconditioner};
use halocg::problem::{self, Source, Stencil};

/// The factors L D Lᵀ of a symmetric tridiagonal matrix: the diagonal of D, and what L has beside its own.
struct Lines {
    pivots: Vec<f64>,
    beside: Vec<f64>,
}

impl Lines {
    fn new(a: &dyn Operator) -> Lines {
        let block = a.own_block();
        let n = a.layout().len();
        let entry = |row: usize, column: usize| {
            block.entries(row).find(|&(found, _)| found as usize == column).map_or(0.0, |(_, value)| value)
        };
        let (mut pivots, mut beside) = (Vec::with_capacity(n), Vec::with_capacity(n));
        for row in 0..n {
            let lower = if row > 0 { entry(row, row - 1) / pivots[row - 1] } else { 0.0 };
            let taken = if row > 0 { lower * lower * pivots[row - 1] } else { 0.0 };
            pivots.push(entry(row, row) - taken);
            beside.push(lower);
        }
        Lines { pivots, beside }
    }

    fn solve(&self, get: impl Fn(usize) -> f64, mut set: impl FnMut(usize, f64)) {
        let n = self.pivots.len();
        let mut z = vec![0.0; n];
        for row in 0..n {
            z[row] = get(row) - if row > 0 { self.beside[row] * z[row - 1] } else { 0.0 };
        }
        for row in (0..n).rev() {
            z[row] = z[row] / self.pivots[row] - if row + 1 < n { self.beside[row + 1] * z[row + 1] } else { 0.0 };
            set(row, z[row]);
        }
    }
}

impl Preconditioner for Lines {
    fn apply(&mut self, r: &[f64], z: &mut [f64]) {
        self.solve(|row| r[row], |row, value| z[row] = value);
    }

    fn apply_pair(&mut self, r: &[[f64; 2]], z: &mut [[f64; 2]]) {
        for k in 0..2 {
            self.solve(|row| r[row][k], |row, value| z[row][k] = value);
        }
    }
}

/// Iterations with the diagonal alone, and with lines. Collective.
fn compare(comm: &Comm) -> Result<[u64; 2]> {
    let mut grid = Stencil::new([60, 40, 1], 2, 5).expect("5 points belong to 2 dimensions");
    grid.coefficients = [100.0, 1.0, 1.0];
    let problem = problem::load(comm, &Source::Poisson(grid))?;
    let owners = partition::assign(comm, &problem, &Partition::Boxes)?;
    let mut a = DistMatrix::new(comm, problem.n(), rows_to_owners(comm, &problem, &owners), &owners);
    let b = vec![1.0; a.layout().len()];
    let method = krylov::Kind::named("pipe-pr-cg").expect("it is in the table");
    let jacobi = preconditioner::Kind::named("jacobi").expect("it is in the table").build(&a)?;
    let lines: Box<dyn Preconditioner> = Box::new(Lines::new(&a));
    Ok([jacobi, lines].map(|mut m| {
        let outcome = krylov::solve(&mut a, m.as_mut(), &b, None, method, &Settings::default(), |_| ());
        assert!(outcome.reason.is_converged(), "{:?}", outcome.reason);
        outcome.iterations
    }))
}

fn main() {
    let counts = Comm::threads(2, |comm| compare(comm).expect("this system has a solution"));
    let [jacobi, lines] = counts[0];
    println!("iterations: {jacobi} with the diagonal, {lines} with lines");
    assert!(2 * lines < jacobi);
}

#[test]
fn it_runs() {
    main();
}
