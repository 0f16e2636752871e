//! The true residual b − A x, and what it tells.

use super::driver::{Record, Settings};
use super::scalars::Spectrum;
use crate::comm::{Op, Phase};
use crate::exponent::{exponent, times_power_of_two};
use crate::operator::Operator;
use crate::preconditioner::Preconditioner;

/// Of sums of squares below this, terms may have underflowed that are more than rounding.
pub(super) const LEAST_SQUARE: f64 = 1e-280;

/// b − A x. Collective.
pub fn residual(a: &mut dyn Operator, b: &[f64], x: &[f64]) -> Vec<f64> {
    let mut r = vec![0.0; b.len()];
    a.apply(x, &mut r);
    let comm = a.layout().comm().clone();
    comm.timed(Phase::Vectors, || r.iter_mut().zip(b).for_each(|(r, b)| *r = b - *r));
    r
}

/// Whether ⟨M⁻¹ r, r⟩ > 0 for this r ≠ 0, as far as can be told: true if all products underflow, or are NaN. Collective.
pub(super) fn is_positive_definite(a: &dyn Operator, m: &mut dyn Preconditioner, r: &[f64]) -> bool {
    let mut z = vec![0.0; r.len()];
    m.apply(r, &mut z);
    let comm = a.layout().comm();
    let [nu] = comm.sum_of([comm.dot(&z, r)]);
    let any = |holds: fn(f64, f64) -> bool| u64::from(z.iter().zip(r).any(|(&z, &r)| holds(z, r)));
    let mut found = [any(|z, r| z * r != 0.0), any(|z, r| z != 0.0 && r != 0.0)];
    comm.reduce_u64(Op::Max, &mut found);
    let underflows = found == [0, 1];
    nu > 0.0 || nu.is_nan() || underflows
}

/// ‖x − x_k‖_A from the true residual r_k, where the scalars of the recurrence no longer tell: ‖r‖²_{A⁻¹} ≤ ⟨M⁻¹ r, r⟩ / λ_min(M⁻¹ A).
/// Of an unknown λ_min there are only Ritz values, which it lies below, and far below where the recurrence had lost its way: the
/// smallest of them times [`RITZ`] then, and the result is an estimate. NaN where nothing can be told. Collective.
pub(super) fn error_from(
    a: &dyn Operator,
    m: &mut dyn Preconditioner,
    r: &[f64],
    history: &[Record],
    settings: &Settings,
) -> f64 {
    const RITZ: f64 = 1e-6;
    let Some(unit) = exponent(norm(a, r)) else {
        return f64::NAN;
    };
    // Squares neither over- nor underflow.
    let r: Vec<f64> = r.iter().map(|&r| times_power_of_two(r, -unit)).collect();
    let mut z = vec![0.0; r.len()];
    m.apply(&r, &mut z);
    let comm = a.layout().comm();
    let [nu] = comm.sum_of([comm.dot(&z, &r)]);
    let lambda_min = settings.lambda_min.or(Spectrum::smallest(history).map(|smallest| RITZ * smallest));
    match lambda_min {
        Some(lambda_min) if nu > 0.0 => times_power_of_two((nu / lambda_min).sqrt(), unit),
        _ => f64::NAN,
    }
}

/// ‖x‖₂ over all ranks, where its square over- or underflows as well. Collective.
pub fn norm(a: &dyn Operator, x: &[f64]) -> f64 {
    let comm = a.layout().comm();
    let [square] = comm.sum_of([comm.dot(x, x)]);
    if square.is_nan() || (LEAST_SQUARE..f64::INFINITY).contains(&square) {
        return square.sqrt();
    }
    let mut largest = [x.iter().fold(0.0, |largest: f64, x| largest.max(x.abs()))];
    comm.reduce_f64(Op::Max, &mut largest);
    let Some(exponent) = exponent(largest[0]) else {
        return square.sqrt(); // zero or infinite
    };
    let scaled: Vec<f64> = x.iter().map(|&x| times_power_of_two(x, -exponent)).collect();
    let [square] = comm.sum_of([comm.dot(&scaled, &scaled)]);
    times_power_of_two(square.sqrt(), exponent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comm::Comm;
    use crate::operator::Function;
    use crate::preconditioner;

    #[test]
    fn products_that_underflow_say_nothing_against_the_preconditioner() {
        let comm = Comm::alone();
        let product = |x: &[f64], _: &[f64], y: &mut [f64]| y.copy_from_slice(x);
        let a = Function::new(&comm, 2, 0..2, &[], vec![1.0; 2], product).expect("two rows");
        struct Times([f64; 2]);
        impl Preconditioner for Times {
            fn apply(&mut self, r: &[f64], z: &mut [f64]) {
                z.iter_mut().zip(r).zip(self.0).for_each(|((z, r), m)| *z = m * r);
            }

            fn apply_pair(&mut self, _: &[[f64; 2]], _: &mut [[f64; 2]]) {
                unreachable!("not asked here");
            }
        }
        let is_definite = |m, r: [f64; 2]| is_positive_definite(&a, &mut Times(m), &r);
        assert!(is_definite([1.0, 1.0], [1.0, 0.0]));
        assert!(is_definite([1e-200, 1.0], [1e-100, 0.0]));
        assert!(!is_definite([0.0, 1.0], [1e-100, 0.0]));
        assert!(!is_definite([1.0, -1.0], [1.0, 1.0]));
        assert!(!is_definite([-1e-200, -1.0], [1e-100, 1.0]));
        assert!(is_definite([f64::NAN, 1.0], [1.0, 1.0]), "not for this reason");
    }

    #[test]
    fn an_error_is_estimated_from_the_residual_and_the_smallest_ritz_value_of_all() {
        let comm = Comm::alone();
        let product = |x: &[f64], _: &[f64], y: &mut [f64]| y.copy_from_slice(x);
        let a = Function::new(&comm, 2, 0..2, &[], vec![1.0; 2], product).expect("two rows");
        let mut m = preconditioner::Kind::named("none").expect("in the table").build(&a).expect("it builds");
        // Steps after a restart each, and so a Ritz value of 1/α each; the last one took none.
        let step = |alpha| Record { iteration: 0, residual: 1.0, nu: 1.0, alpha, beta: 0.0, nu_gap: 0.0, seconds: 0.0 };
        let history = [0.5, 4.0, 1.0, f64::NAN].map(step);
        for scale in [1.0, 1e-200, 1e200] {
            let r = [3.0 * scale, 4.0 * scale];
            let mut error = |history: &[Record], lambda_min| {
                let settings = Settings { lambda_min, ..Settings::default() };
                error_from(&a, m.as_mut(), &r, history, &settings) / scale
            };
            let near =
                |error: f64, expected: f64| assert!((error / expected - 1.0).abs() < 1e-12, "{scale:e}: {error}");
            near(error(&history, None), 5.0 / 0.25e-6_f64.sqrt());
            near(error(&history, Some(0.01)), 50.0);
            assert!(error(&history[3..], None).is_nan(), "no step, no Ritz value");
        }
    }
}
