//! What the scalars tell for nothing: error bounds and the spectrum.

use crate::Body;
use crate::support::{Random, direct_solution, distribute, grid, pick, random_owners};
use halocg::comm::Comm;
use halocg::krylov::{self, ErrorBounds, Reason, Settings, Spectrum, StopOn};
use halocg::operator::Operator;
use halocg::preconditioner;

pub const BODIES: &[Body] = &[
    ("bounds enclose the A-norm of the error", bounds),
    ("a solve can stop on the A-norm of the error", stopping),
    ("the spectrum of a grid is found", spectrum),
];

const WIDTH: u64 = 14;
const HEIGHT: u64 = 11;

/// Eigenvalues of the 5-point Laplacian: the ends.
fn ends() -> (f64, f64) {
    let axis = |k: f64, points: u64| 2.0 - 2.0 * (k * std::f64::consts::PI / (points as f64 + 1.0)).cos();
    let at = |kx, ky| axis(kx, WIDTH) + axis(ky, HEIGHT);
    (at(1.0, 1.0), at(WIDTH as f64, HEIGHT as f64))
}

/// Solves with every method; `check` gets its name, the outcome and the true ‖x − x_k‖_A of all iterates.
fn for_each_method(comm: &Comm, settings: &Settings, mut check: impl FnMut(&str, krylov::Outcome, Vec<f64>)) {
    let matrix = grid(WIDTH, HEIGHT);
    let n = matrix.rows();
    let mut random = Random::new(31);
    let owners = random_owners(&mut random, n, comm.size());
    let b = random.vector(n);
    let solution = direct_solution(&matrix, &b);
    for method in krylov::TABLE {
        let mut a = distribute(comm, &matrix, &owners);
        let mut m = preconditioner::Kind::named("none").unwrap().build(&a).unwrap();
        let rows = a.layout().rows().to_vec();
        let (b, solution) = (pick(&b, &rows), pick(&solution, &rows));
        let mut errors = Vec::new();
        let outcome = krylov::solve(&mut a, m.as_mut(), &b, None, method, settings, |snapshot| {
            let error: Vec<f64> = snapshot.x.iter().zip(&solution).map(|(x, solution)| x - solution).collect();
            let mut product = error.clone();
            snapshot.a.apply(&error, &mut product);
            let mut square = [error.iter().zip(&product).map(|(e, ae)| e * ae).sum::<f64>()];
            snapshot.a.layout().comm().sum(&mut square);
            errors.truncate(snapshot.iteration as usize);
            errors.push(square[0].sqrt());
        });
        check(method.name, outcome, errors);
    }
}

fn bounds(comm: &Comm) {
    let settings = Settings { rtol: 1e-5, ..Settings::default() };
    for delay in [1, 4, 15] {
        for_each_method(comm, &settings, |name, outcome, errors| {
            let mut bounds = ErrorBounds::new(delay, Some(ends().0 * (1.0 - 1e-9)));
            let mut tightest = f64::INFINITY;
            for (k, record) in outcome.history.iter().enumerate().filter(|(_, record)| record.alpha.is_finite()) {
                bounds.step(record.alpha, record.beta, record.nu);
                let upper = bounds.upper().expect("the spectrum is known");
                assert!(upper >= errors[k] * (1.0 - 1e-6), "{name} step {k}: upper bound {upper:e} of {:e}", errors[k]);
                if let Some(lower) = bounds.lower() {
                    let truth = errors[k + 1 - delay];
                    assert!(lower <= truth * (1.0 + 1e-6), "{name} step {k}: lower bound {lower:e} of {truth:e}");
                    tightest = tightest.min((truth - lower) / truth);
                }
            }
            assert!((bounds.initial() - errors[0]).abs() < 1e-6 * errors[0]);
            assert!(delay < 15 || tightest < 0.05, "{name}: a long delay makes the bound tight, not {tightest}");
        });
    }
}

fn stopping(comm: &Comm) {
    // An upper bound is safe; the lower one, with this delay, is so here.
    for lambda_min in [Some(ends().0), None] {
        let settings = Settings { rtol: 1e-6, stop_on: StopOn::ErrorA, lambda_min, ..Settings::default() };
        for_each_method(comm, &settings, |name, outcome, errors| {
            assert_eq!(outcome.reason, Reason::ConvergedErrorA, "{name}");
            let last = errors[errors.len() - 1] / errors[0];
            assert!((1e-12..=1e-6).contains(&last), "{name}: stopped at {last:e}");
        });
    }
}

fn spectrum(comm: &Comm) {
    let settings = Settings { rtol: 1e-11, ..Settings::default() };
    for_each_method(comm, &settings, |name, outcome, _| {
        let found = Spectrum::of(&outcome.history).expect("a spectrum");
        let (low, high) = ends();
        let close = |got: f64, truth: f64| (got - truth).abs() < 1e-4 * truth;
        assert!(close(found.lambda_min, low), "{name}: {found:?}, not {low} ... {high}");
        assert!(close(found.lambda_max, high), "{name}: {found:?}, not {low} ... {high}");
    });
}
