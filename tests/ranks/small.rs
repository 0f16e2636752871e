//! Small solves in every way to keep, to sweep and to sum up, all of it in few operations: what Miri can follow.

use crate::Body;
use crate::support::{Random, distribute_with, grid, pick, random_owners, try_distribute};
use halocg::comm::Comm;
use halocg::distributed::Ordering;
use halocg::krylov::{self, Settings};
use halocg::operator::{FORMATS, MatrixOptions, Operator, Schedule};
use halocg::preconditioner;

pub const BODIES: &[Body] = &[("small solves in every way", every_way)];

fn every_way(comm: &Comm) {
    let mut random = Random::new(61);
    let matrix = grid(5, 3);
    let b = random.vector(matrix.rows());
    let settings = Settings { rtol: 1e-4, ..Settings::default() };
    let owners = random_owners(&mut random, matrix.rows(), comm.size());
    let ways = FORMATS.iter().flat_map(|format| {
        let of_format = MatrixOptions { format: Some(format), ..MatrixOptions::default() };
        [
            MatrixOptions { schedule: Schedule::Overlap, ..of_format },
            MatrixOptions { schedule: Schedule::OneSweep, ordering: Ordering::Rcm, ..of_format },
        ]
    });
    let methods = krylov::TABLE.iter().cycle();
    for ((options, method), comm) in ways.zip(methods).zip([comm.clone(), comm.reproducible()].iter().cycle()) {
        let mut a = try_distribute(comm, &matrix, &owners, &options)
            .unwrap_or_else(|_| distribute_with(comm, &matrix, &owners, &MatrixOptions { format: None, ..options }));
        let mut m = preconditioner::Kind::named("jacobi").unwrap().build(&a).unwrap();
        let b = pick(&b, a.layout().rows());
        let outcome = krylov::solve(&mut a, m.as_mut(), &b, None, method, &settings, |_| ());
        assert!(outcome.reason.is_converged(), "{} {options:?}: {:?}", method.name, outcome.reason);
        let r = krylov::residual(&mut a, &b, &outcome.x);
        let size: f64 = comm.sum_of([comm.dot(&r, &r)])[0].sqrt();
        assert!(size <= 1.1e-4 * outcome.reference_norm, "{} {options:?}: {size}", method.name);
    }
}
