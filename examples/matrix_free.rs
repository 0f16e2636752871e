//! An operator of one's own, without a matrix: the Helmholtz-like problem u − c u″ = f on a ring of points.
//!
//! ```text
//! cargo run --release --example matrix_free
//! ```
//!
//! The function that multiplies is all there is to write. Each rank owns an arc of the ring and needs one point beyond
//! either end.

use halocg::comm::Comm;
use halocg::error::Result;
use halocg::krylov::{self, Settings};
use halocg::operator::{Function, Operator};
use halocg::preconditioner;
use halocg::problem::EvenSplit;

const POINTS: u64 = 5000;
const COUPLING: f64 = 400.0;

/// The largest error against a known solution. Collective.
fn solve(comm: &Comm) -> Result<f64> {
    let arc = EvenSplit { n: POINTS, ranks: comm.size() }.share(comm.rank());
    // The neighbours beyond the ends, as far as other ranks own them; ghosts come in the order of their numbers.
    let before = (arc.start + POINTS - 1) % POINTS;
    let behind = arc.end % POINTS;
    let mut ghosts: Vec<u64> = [before, behind].into_iter().filter(|point| !arc.contains(point)).collect();
    ghosts.sort_unstable();
    ghosts.dedup();

    let (first, numbers) = (arc.start, ghosts.clone());
    let product = move |x: &[f64], ghosts: &[f64], y: &mut [f64]| {
        let at = |point: u64| match numbers.binary_search(&point) {
            Ok(ghost) => ghosts[ghost],
            Err(_) => x[(point - first) as usize],
        };
        for (point, y) in (first..).zip(y) {
            let (left, right) = (at((point + POINTS - 1) % POINTS), at((point + 1) % POINTS));
            let here = at(point);
            *y = here + COUPLING * (2.0 * here - left - right);
        }
    };
    let diagonal = vec![1.0 + 2.0 * COUPLING; (arc.end - arc.start) as usize];
    let mut a = Function::new(comm, POINTS, arc, &ghosts, diagonal, product)?;

    // With b = A x for a known x the error is known as well.
    let turn = std::f64::consts::TAU / POINTS as f64;
    let x: Vec<f64> = a.layout().rows().iter().map(|&point| (7.0 * turn * point as f64).sin()).collect();
    let mut b = vec![0.0; x.len()];
    a.apply(&x, &mut b);
    let mut m = preconditioner::Kind::named("chebyshev").expect("it is in the table").build(&a)?;
    let method = krylov::Kind::named("pipe-pr-cg").expect("it is in the table");
    let settings = Settings { rtol: 1e-10, ..Settings::default() };
    let outcome = krylov::solve(&mut a, m.as_mut(), &b, None, method, &settings, |_| ());
    assert!(outcome.reason.is_converged(), "{:?}", outcome.reason);
    Ok(outcome.x.iter().zip(&x).map(|(found, known)| (found - known).abs()).fold(0.0, f64::max))
}

fn main() {
    for ranks in [1, 2, 3] {
        let errors = Comm::threads(ranks, |comm| solve(comm).expect("this system has a solution"));
        let largest = errors.into_iter().fold(0.0, f64::max);
        println!("ranks: {ranks}, the largest error is {largest:.1e}");
        assert!(largest < 1e-7);
    }
}

#[test]
fn it_runs() {
    main();
}
