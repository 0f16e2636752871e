//! Systems of huge or tiny numbers, whose inner products would overflow or vanish: solved as a system of ordinary ones.
//!
//! With A = 2^a A', M = 2^a M' and b = 2^c b', conjugate gradients for A' x' = b' take the steps that they take for
//! A x = b, and x = 2^(c−a) x'. Powers of two round nothing: the iterates have the same digits. What a user sees is in
//! the units of A and b; a saved state is in those of A' and b', which A and b determine, or with b = 0 the initial guess.

use super::driver::{Outcome, Record, Settings, Snapshot, solve_as_it_is};
use super::saved::Saved;
use super::trust::TRUE_RESIDUAL_FACTOR;
use super::truth::{norm, residual};
use super::watch::{Begin, Turn, Watch};
use super::{Kind, Reason};
use crate::comm::Op;
use crate::distributed::Layout;
use crate::exponent::{exponent, times_power_of_two};
use crate::operator::{self, Operator};
use crate::preconditioner::{self, Preconditioner};

/// A matrix is taken as it is if its diagonal lies within 2^±100, and b if its largest entry lies within 2^±200: then
/// ‖A‖⁴ ‖b‖², the most extreme number that a method sums up, is far from the ends of f64, with rounding to spare.
const ORDINARY_MATRIX: i32 = 100;
const ORDINARY_RHS: i32 = 200;
/// Exponents are multiples of this: a reproducible sum of scaled numbers then falls into the same bins, elsewhere.
pub(crate) const STEP: i32 = 32;
/// The exponent of zero.
const NONE: f64 = f64::NEG_INFINITY;

/// Solves A x = b from an initial guess or a saved state, with somebody watching, who may save the state and end
/// the solve between two iterations. None if the saved state is not one of this method. Collective.
///
/// # Panics
/// As [`solve`](super::solve).
pub fn solve_watched(
    a: &mut dyn Operator,
    m: &mut dyn Preconditioner,
    b: &[f64],
    begin: Begin,
    kind: &Kind,
    settings: &Settings,
    watch: &mut dyn Watch,
) -> Option<Outcome> {
    let comm = a.layout().comm().clone();
    let clock = comm.clock_seconds();
    let outcome = match Units::of(a, b, &begin) {
        Units { matrix: 0, rhs: 0, .. } => solve_as_it_is(a, m, b, begin, kind, settings, watch)?,
        units => units.solve(a, m, b, begin, kind, settings, watch)?,
    };
    Some(Outcome { seconds: comm.clock_seconds() - clock, ..outcome })
}

/// The exponents a and c.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Units {
    matrix: i32,
    rhs: i32,
}

impl Units {
    /// Of the middle of the diagonal, and of the largest entry of b, or if b = 0 of A x₀; zero for ordinary ones. Of a saved
    /// solve with b = 0, what was saved. Collective.
    fn of(a: &mut dyn Operator, b: &[f64], begin: &Begin) -> Units {
        let largest = |vector: &[f64]| vector.iter().copied().filter_map(exponent).map(f64::from).fold(NONE, f64::max);
        // Greatest, negated least and b's greatest exponent.
        let mut ends = [NONE, NONE, largest(b)];
        for exponent in a.diagonal().into_iter().filter_map(exponent).map(f64::from) {
            ends = [ends[0].max(exponent), ends[1].max(-exponent), ends[2]];
        }
        let comm = a.layout().comm().clone();
        comm.reduce_f64(Op::Max, &mut ends);
        let [greatest, least, mut of_b] = ends;
        let matrix = if greatest.max(least) <= f64::from(ORDINARY_MATRIX) { 0.0 } else { (greatest - least) / 2.0 };
        if of_b == NONE {
            match begin {
                Begin::At(Some(x0)) => {
                    let mut of_r = [largest(&residual(a, b, x0))];
                    comm.reduce_f64(Op::Max, &mut of_r);
                    [of_b] = of_r;
                }
                Begin::At(None) => (),
                Begin::From(saved) | Begin::Anew(saved) => {
                    return Units { matrix: rounded(matrix), rhs: saved.rhs_exponent };
                }
            }
        }
        let is_ordinary = of_b == NONE || of_b.abs() <= f64::from(ORDINARY_RHS);
        Units { matrix: rounded(matrix), rhs: if is_ordinary { 0 } else { rounded(of_b) } }
    }

    #[allow(clippy::too_many_arguments)]
    fn solve(
        self,
        a: &mut dyn Operator,
        m: &mut dyn Preconditioner,
        b: &[f64],
        begin: Begin,
        kind: &Kind,
        settings: &Settings,
        watch: &mut dyn Watch,
    ) -> Option<Outcome> {
        let Units { matrix, rhs } = self;
        let from_x = matrix - rhs;
        let identity = m.is_identity();
        let b = scaled(b, -rhs);
        let x0 = if let Begin::At(Some(x0)) = begin { Some(scaled(x0, from_x)) } else { None };
        let begin = if let Begin::At(_) = begin { Begin::At(x0.as_deref()) } else { begin };
        let of_a = if identity { matrix } else { 0 };
        let inner_settings = Settings {
            atol: times_power_of_two(settings.atol, -rhs),
            lambda_min: settings.lambda_min.map(|lambda| times_power_of_two(lambda, -of_a)),
            ..*settings
        };
        let mut a = operator::Scaled::new(a, matrix);
        let mut m = preconditioner::Scaled::new(m, matrix);
        let mut watch = InUsersUnits { watch, units: self, identity, settings };
        let mut outcome = solve_as_it_is(&mut a, &mut m, &b, begin, kind, &inner_settings, &mut watch)?;

        // x itself may overflow, or become subnormal and lose digits.
        let x = scaled(&outcome.x, -from_x);
        let kept = scaled(&x, from_x);
        if a.layout().comm().reduced(Op::Max, u64::from(kept != outcome.x)) == 1 {
            let allowed = outcome.true_residual.max(inner_settings.tolerance(outcome.reference_norm));
            let r = residual(&mut a, &b, &kept);
            outcome.true_residual = norm(&a, &r);
            let is_kept = outcome.true_residual <= TRUE_RESIDUAL_FACTOR * allowed;
            if outcome.reason.is_converged() && !is_kept {
                outcome.reason = Reason::NotFinite;
            }
        }
        let of_b = |size: f64| times_power_of_two(size, rhs);
        Some(Outcome {
            x,
            reference_norm: of_b(outcome.reference_norm),
            recurrence_residual: of_b(outcome.recurrence_residual),
            true_residual: of_b(outcome.true_residual),
            history: outcome.history.iter().map(|record| self.record(record, identity)).collect(),
            ..outcome
        })
    }

    /// A line of the history; ν, which is a square, may be beyond what f64 holds.
    fn record(self, record: &Record, identity: bool) -> Record {
        let Units { matrix, rhs } = self;
        let (of_alpha, of_nu) = if identity { (-matrix, 2 * rhs) } else { (0, 2 * rhs - matrix) };
        Record {
            residual: times_power_of_two(record.residual, rhs),
            nu: times_power_of_two(record.nu, of_nu),
            alpha: times_power_of_two(record.alpha, of_alpha),
            ..*record
        }
    }
}

/// To a multiple of [`STEP`].
fn rounded(exponent: f64) -> i32 {
    STEP * (exponent / f64::from(STEP)).round() as i32
}

fn scaled(vector: &[f64], exponent: i32) -> Vec<f64> {
    vector.iter().map(|&number| times_power_of_two(number, exponent)).collect()
}

/// Shows a scaled solve as the one that was asked for.
struct InUsersUnits<'a> {
    watch: &'a mut dyn Watch,
    units: Units,
    identity: bool,
    settings: &'a Settings,
}

impl Watch for InUsersUnits<'_> {
    fn observe(&mut self, Snapshot { iteration, record, x, a }: Snapshot) {
        let Units { matrix, rhs } = self.units;
        let x = scaled(x, rhs - matrix);
        let mut a = operator::Scaled::new(a, -matrix);
        let record = self.units.record(&record, self.identity);
        self.watch.observe(Snapshot { iteration, record, x: &x, a: &mut a });
    }

    fn turn(&mut self, iteration: u64, _: &Settings) -> Turn {
        self.watch.turn(iteration, self.settings)
    }

    fn save(&mut self, layout: &Layout, saved: Saved) {
        self.watch.save(layout, Saved { rhs_exponent: self.units.rhs, ..saved });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comm::Comm;
    use crate::distributed::rows_to_owners;
    use crate::exponent::power_of_two;
    use crate::operator::DistMatrix;
    use crate::partition::{self, Partition};
    use crate::problem::{Problem, Rows};

    fn units(diagonal: [i32; 2], b: Option<i32>, x0: i32) -> (i32, i32) {
        let comm = Comm::alone();
        let mut rows = Rows::new();
        (0..2).for_each(|row| rows.push(row, [(row, power_of_two(diagonal[row as usize]))]));
        let problem = Problem::Matrix(2, rows);
        let owners = partition::assign(&comm, &problem, &Partition::Blocks).unwrap();
        let mut a = DistMatrix::new(&comm, 2, rows_to_owners(&comm, &problem, &owners), &owners);
        let begin = Begin::At(Some(&[power_of_two(x0), 0.0]));
        let Units { matrix, rhs } = Units::of(&mut a, &[b.map_or(0.0, power_of_two), 0.0], &begin);
        (matrix, rhs)
    }

    #[test]
    fn units_are_the_middle_of_the_diagonal_and_the_size_of_b() {
        assert_eq!(units([-100, 100], Some(200), 0), (0, 0), "ordinary");
        assert_eq!(units([100, 100], Some(-200), 900), (0, 0), "ordinary");
        assert_eq!(units([-300, 300], Some(0), 0), (0, 0), "on both sides");
        assert_eq!(units([0, 320], Some(0), 0), (160, 0));
        assert_eq!(units([-640, 0], Some(-201), 0), (-320, -192));
        assert_eq!(units([500, 500], Some(1000), 0), (512, 992));
        assert_eq!(units([500, 500], None, 0), (512, 512), "b = 0");
        assert_eq!(units([0, 0], None, -650), (0, -640), "b = 0");
    }
}
