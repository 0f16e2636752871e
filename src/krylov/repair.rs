//! A corrupted entry of x, or of p, put right.
//!
//! No recurrence reads x, so that its errors show in the true residual alone: an error d in row i adds −d A e_i to it.
//! Of a positive definite A no other row j has a larger r_j² / a_jj then, as a_ij² ≤ a_ii a_jj, and x_i + r_i / a_ii is what
//! x_i was. (It is also the step along a coordinate that lessens the A-norm of the error most, whatever the
//! reason is for which r is large.)
//!
//! An error e in row i of p_k becomes one of α_k e in x_{k+1} and of β_{k+1} e in p_{k+1}.

use super::course::Checked;
use super::method::{Column, Method};
use super::truth::{norm, residual};
use crate::comm::Op;
use crate::operator::Operator;
use crate::preconditioner::Preconditioner;
use crate::vector::axpy;

/// A true residual up to this multiple of what is expected has reasons of its own ...
const NEAR: f64 = 10.0;
/// ... and so may one that is larger, of a recurrence that has drifted, if putting an entry of x right does not bring it that
/// near, nor down by this factor.
const NO_DRIFT: f64 = 1e-6;
/// A step must lessen the residual by this factor: without a row that stands out it does not.
const GAIN: f64 = 0.1;
/// An entry of x is off by this share of it in sound solves too; 1e-10 was seen with PIPE-P-CG.
const ROUNDING: f64 = 1e-9;
/// Squares of a larger residual's entries overflow, and do not say which is the greatest.
const MOST_COMPARED: f64 = 1e150;
/// Of 10³⁰⁸ each step leaves rounding, some 10⁻¹⁶ of it.
const MOST_STEPS: usize = 40;

/// Puts a corrupted entry of x right, and then the residual, of which `expected` is what the recurrence says; true if there
/// was such an entry. Collective.
pub(super) fn repair(a: &mut dyn Operator, b: &[f64], checked: &mut Checked, expected: f64) -> bool {
    if checked.true_residual <= NEAR * expected {
        return false;
    }
    let diagonal = a.diagonal();
    let expected = expected.max(rounding(a, b, &diagonal, &checked.x));
    if checked.true_residual <= NEAR * expected {
        return false;
    }
    let mut best = checked.clone();
    for step in 0..MOST_STEPS {
        let mut next = best.clone();
        if best.true_residual <= MOST_COMPARED {
            let lessened = |((r, a), x): ((&f64, &f64), &f64)| {
                let is_rounding = step == 0 && (r / a).abs() <= ROUNDING * x.abs();
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
        if gain(&next, &best) > GAIN {
            break;
        }
        best = next;
    }
    let truth = best.true_residual;
    let is_repaired = truth.is_finite() && (truth <= NEAR * expected || gain(&best, checked) <= NO_DRIFT);
    if is_repaired {
        *checked = best;
    }
    is_repaired
}

/// What rounding leaves of b − A x, with the greatest entry in the place of the norm of A; 0 if x is beyond squares. Collective.
fn rounding(a: &dyn Operator, b: &[f64], diagonal: &[f64], x: &[f64]) -> f64 {
    let mut largest = [diagonal.iter().fold(0.0, |largest: f64, entry| largest.max(*entry))];
    a.layout().comm().reduce_f64(Op::Max, &mut largest);
    let size = f64::EPSILON * (norm(a, b) + largest[0] * norm(a, x));
    if size.is_finite() { size } else { 0.0 }
}

/// What is left of the residual, as a share; 0 if it was beyond comparison before, infinite if it no longer is finite.
fn gain(after: &Checked, before: &Checked) -> f64 {
    match (after.true_residual, before.true_residual) {
        (_, before) if before.is_nan() || before > MOST_COMPARED => 0.0,
        (after, _) if after.is_nan() => f64::INFINITY,
        (after, before) => after / before,
    }
}

/// Puts a corrupted entry of p_k right, found out at iterate k + 1, in x_{k+1} and p_{k+1}: if there was one, the true residual
/// of x_{k+1} differs from the recurrence's by a multiple of one column of A. Collective.
pub(super) fn repair_direction(
    a: &mut dyn Operator,
    m: &dyn Preconditioner,
    b: &[f64],
    method: &mut dyn Method,
    alpha: f64,
    beta: f64,
) {
    for _ in 0..MOST_STEPS {
        let Some(correction) = correction(a, m, b, method) else { return };
        for column in method.state().vectors {
            match column {
                Column::One("x", x) => axpy(x, 1.0, &correction),
                Column::One("p", p) => axpy(p, beta / alpha, &correction),
                _ => (),
            }
        }
    }
}

/// What is to be added to x, one entry of one rank, so that little is left of the difference between the two residuals; None if
/// there is no such entry. Nothing is squared: the difference may be as large as numbers can be. Collective.
fn correction(a: &mut dyn Operator, m: &dyn Preconditioner, b: &[f64], method: &mut dyn Method) -> Option<Vec<f64>> {
    let mut difference = residual(a, b, method.solution());
    subtract_residual(method, m, &mut difference);
    let diagonal = a.diagonal();
    let lessened: Vec<f64> = difference.iter().zip(&diagonal).map(|(r, a)| r.abs() / a.sqrt()).collect();
    let i = greatest(a, &lessened)?;
    let mut correction = vec![0.0; b.len()];
    if let Some(i) = i {
        correction[i] = difference[i] / diagonal[i];
    }
    let mut column = vec![0.0; b.len()];
    a.apply(&correction, &mut column);
    let rest: Vec<f64> = difference.iter().zip(&column).map(|(difference, column)| difference - column).collect();
    let mut largest = [&rest, &difference].map(|values| {
        values.iter().fold(0.0, |largest: f64, v| if v.is_nan() { f64::INFINITY } else { largest.max(v.abs()) })
    });
    a.layout().comm().reduce_f64(Op::Max, &mut largest);
    let [rest, whole] = largest;
    (whole.is_finite() && rest <= GAIN * whole).then_some(correction)
}

/// Takes the recurrence's residual from a vector.
fn subtract_residual(method: &mut dyn Method, m: &dyn Preconditioner, from: &mut [f64]) {
    for column in method.state().vectors {
        match column {
            Column::One("r", r) => axpy(from, -1.0, r),
            Column::Pair(["r", _], rs) => from.iter_mut().zip(rs).for_each(|(from, [r, _])| *from -= *r),
            // Where M is diagonal r̃ stands for r.
            Column::Pair(["r~", _], rs) if m.is_identity() || m.diagonal().is_some() => {
                for (i, (from, [r_tilde, _])) in from.iter_mut().zip(rs).enumerate() {
                    *from -= m.diagonal().map_or(1.0, |m| m[i]) * *r_tilde;
                }
            }
            _ => (),
        }
    }
}

/// Where the greatest of the ranks' values is, if it is on this rank; the outer None if no value is positive. Collective.
///
/// NaN counts as nothing: what the maximum of a NaN is depends on the MPI library and on the order, and ranks with different
/// maxima would part ways.
fn greatest(a: &dyn Operator, values: &[f64]) -> Option<Option<usize>> {
    let numbers = values.iter().map(|value| if value.is_nan() { 0.0 } else { *value });
    let mine = numbers.enumerate().max_by(|one, other| one.1.total_cmp(&other.1));
    let mut most = [mine.map_or(0.0, |(_, value)| value)];
    a.layout().comm().reduce_f64(Op::Max, &mut most);
    (most[0] > 0.0).then(|| mine.filter(|(_, value)| *value == most[0]).map(|(i, _)| i))
}

#[cfg(test)]
mod tests {
    use super::super::method::Step;
    use super::*;
    use crate::comm::Comm;
    use crate::krylov;
    use crate::operator::Function;
    use crate::preconditioner;

    const N: u64 = 12;

    fn chain(comm: &Comm) -> Function {
        let product = |x: &[f64], _: &[f64], y: &mut [f64]| {
            let at = |i: usize| x.get(i).copied().unwrap_or(0.0);
            (0..x.len()).for_each(|i| y[i] = 2.5 * x[i] - at(i + 1) - at(i.wrapping_sub(1)));
        };
        let diagonal = vec![2.5; N as usize];
        Function::new(comm, N, 0..N, &[], diagonal, product).expect("a chain")
    }

    fn x_and_p(method: &mut dyn Method) -> [Vec<f64>; 2] {
        let mut found = [Vec::new(), Vec::new()];
        for column in method.state().vectors {
            match column {
                Column::One("x", x) => found[0] = x.to_vec(),
                Column::One("p", p) => found[1] = p.to_vec(),
                _ => (),
            }
        }
        found
    }

    #[test]
    fn an_error_in_p_of_any_size_is_taken_out_of_x_and_a_small_one_out_of_p() {
        let comm = Comm::alone();
        for error in [1e-3, -7.0, 1e100, -1e160, 1e250] {
            let mut a = chain(&comm);
            let mut m = preconditioner::Kind::named("none").expect("in the table").build(&a).expect("it builds");
            let kind = krylov::Kind::named("pipe-pr-cg").expect("in the table");
            let b: Vec<f64> = (0..N).map(|i| (i as f64).cos()).collect();
            let mut method = (kind.start)(&mut a, m.as_mut(), vec![0.0; b.len()], b.clone());
            let mut alpha = f64::NAN;
            for _ in 0..3 {
                method.measure(&mut a, m.as_mut());
                let Step::Taken { alpha: taken, .. } = method.advance(&mut a, m.as_mut()) else { panic!("no step") };
                alpha = taken;
            }
            method.measure(&mut a, m.as_mut());
            let beta = 0.4;
            let right = x_and_p(method.as_mut());
            for column in method.state().vectors {
                match column {
                    Column::One("x", x) => x[5] += alpha * error,
                    Column::One("p", p) => p[5] += beta * error,
                    _ => (),
                }
            }
            repair_direction(&mut a, m.as_ref(), &b, method.as_mut(), alpha, beta);
            // Of p_i nothing is left beside 1e100; it is found not to be conjugate then, and the solve restarts from x.
            let told = if error.abs() < 1e3 { 2 } else { 1 };
            for (right, repaired) in right.iter().zip(x_and_p(method.as_mut())).take(told) {
                let far = right.iter().zip(&repaired).map(|(one, other)| (one - other).abs()).fold(0.0, f64::max);
                assert!(far < 1e-12, "{error:e}: {far:e} away");
            }
        }
    }

    #[test]
    fn where_a_value_is_no_number_another_is_the_greatest() {
        let found = Comm::threads(3, |comm| {
            let share = comm.rank() as u64..comm.rank() as u64 + 1;
            let a = Function::new(comm, 3, share, &[], vec![1.0], |x: &[f64], _: &[f64], y: &mut [f64]| y[0] = x[0])
                .expect("three rows");
            let values = [vec![f64::NAN, 5.0], vec![3.0], vec![f64::NAN]];
            [greatest(&a, &values[comm.rank()]), greatest(&a, &[f64::NAN])]
        });
        assert_eq!(found, [[Some(Some(1)), None], [Some(None), None], [Some(None), None]]);
    }
}
