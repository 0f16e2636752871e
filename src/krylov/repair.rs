//! A corrupted entry of x, put right.
//!
//! No recurrence reads x, so that its errors show in the true residual alone: an error d in row i adds −d A e_i to it.
//! Of a positive definite A no other row j has a larger r_j² / a_jj then, as a_ij² ≤ a_ii a_jj, and x_i + r_i / a_ii is what
//! x_i was. (It is also the step along a coordinate that lessens the A-norm of the error most, whatever the
//! reason is for which r is large.)

use super::course::Checked;
use super::driver::{norm, residual};
use crate::comm::Op;
use crate::operator::Operator;

/// A step must lessen the residual by this factor: without a row that stands out it does not.
const GAIN: f64 = 0.1;
/// An entry of x is off by this share of it in sound solves too.
const ROUNDING: f64 = 1e4 * f64::EPSILON;
/// Of 10³⁰⁸ each step leaves rounding, some 10⁻¹⁶ of it.
const MOST_STEPS: usize = 40;

/// Puts a corrupted entry of x right, and then the residual; true if there was one. Collective.
pub(super) fn repair(a: &mut dyn Operator, b: &[f64], checked: &mut Checked) -> bool {
    let diagonal = a.diagonal();
    let mut best = checked.clone();
    for _ in 0..MOST_STEPS {
        let mut next = best.clone();
        if best.true_residual.is_finite() {
            let lessened = |((r, a), x): ((&f64, &f64), &f64)| {
                let is_rounding = (r / a).abs() <= ROUNDING * x.abs();
                if is_rounding { 0.0 } else { r * r / a }
            };
            let lessened: Vec<f64> = best.r.iter().zip(&diagonal).zip(&best.x).map(lessened).collect();
            let Some(i) = greatest(a, &lessened) else { break };
            if let Some(i) = i {
                next.x[i] += best.r[i] / diagonal[i];
            }
        } else {
            // Nothing to go by but the entry itself.
            let sizes: Vec<f64> = best.x.iter().map(|x| if x.is_nan() { f64::INFINITY } else { x.abs() }).collect();
            let Some(i) = greatest(a, &sizes) else { break };
            if let Some(i) = i {
                next.x[i] = 0.0;
            }
        }
        next.r = residual(a, b, &next.x);
        next.true_residual = norm(a, &next.r);
        if !gains(&next, &best) {
            break;
        }
        best = next;
    }
    let is_repaired = best.true_residual.is_finite() && gains(&best, checked);
    if is_repaired {
        *checked = best;
    }
    is_repaired
}

/// True if the step from `before` to `after` was worth it, or may be.
fn gains(after: &Checked, before: &Checked) -> bool {
    !before.true_residual.is_finite() || after.true_residual <= GAIN * before.true_residual
}

/// Where the greatest of the ranks' values is, if it is on this rank; the outer None if no value is positive. Collective.
fn greatest(a: &dyn Operator, values: &[f64]) -> Option<Option<usize>> {
    let mine = values.iter().copied().enumerate().max_by(|one, other| one.1.total_cmp(&other.1));
    let mut most = [mine.map_or(0.0, |(_, value)| value)];
    a.layout().comm().reduce_f64(Op::Max, &mut most);
    (most[0] > 0.0).then(|| mine.filter(|(_, value)| *value == most[0]).map(|(i, _)| i))
}
