//! Runs a method until it has converged, or will not.

use super::course::{Checked, Course};
use super::method::{Method, Scalars, Step};
use super::repair::{repair, repair_direction};
use super::saved::Saved;
use super::scaled::solve_watched;
use super::strike::strike;
use super::trust::{Doubt, Replacement, Verdict, is_sound};
use super::truth::{LEAST_SQUARE, error_from, is_positive_definite, norm, residual};
use super::watch::{Begin, OnlyObserve, Watch};
use super::{Kind, Reason};
use crate::faults::{self, Moment};
use crate::operator::Operator;
use crate::preconditioner::Preconditioner;

/// When to stop, and how far to trust the recurrence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Converged when ‖r‖₂ ≤ max(rtol ‖b‖₂, atol); with b = 0, ‖r₀‖₂ stands for ‖b‖₂.
    pub rtol: f64,
    /// See `rtol`.
    pub atol: f64,
    /// Diverged when ‖r‖₂ > divtol ‖b‖₂.
    pub divtol: f64,
    /// At most so many iterations.
    pub max_iterations: u64,
    /// When the recurrence's residual is replaced by the true one.
    pub replacement: Replacement,
    /// Whether the scalars of methods that sum enough of them are looked at for signs of corrupted vectors, in every
    /// iteration. Changes nothing as long as there are none.
    pub check_health: bool,
    /// What `rtol` is measured on.
    pub stop_on: StopOn,
    /// Steps that the lower bound of the A-norm error lags behind.
    pub error_delay: usize,
    /// A lower bound of the spectrum of M⁻¹ A, if known: gives an upper bound of the A-norm error.
    pub lambda_min: Option<f64>,
}

/// What the relative tolerance is measured on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StopOn {
    /// ‖r‖₂ against ‖b‖₂, confirmed on the true residual.
    Residual,
    /// The A-norm of the error against its initial value: the upper bound where `lambda_min` is
    /// known, else the lower bound `error_delay` steps later. Where rounding ends the solve before there is one, the true
    /// residual with `lambda_min`, or with a millionth of the smallest Ritz value.
    ErrorA,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            rtol: 1e-8,
            atol: 0.0,
            divtol: 1e8,
            max_iterations: 10_000,
            replacement: Replacement::WhenNeeded,
            check_health: true,
            stop_on: StopOn::Residual,
            error_delay: 10,
            lambda_min: None,
        }
    }
}

impl Settings {
    /// A fixed number of iterations and nothing else: no tolerance, no limit of growth, no replacement.
    pub fn exactly(iterations: u64) -> Settings {
        Settings {
            rtol: 0.0,
            atol: 0.0,
            divtol: f64::INFINITY,
            max_iterations: iterations,
            replacement: Replacement::Never,
            ..Settings::default()
        }
    }

    /// Of the 2-norm of r.
    pub(super) fn tolerance(&self, reference_norm: f64) -> f64 {
        let rtol = if self.stop_on == StopOn::Residual { self.rtol } else { 0.0 };
        (rtol * reference_norm).max(self.atol)
    }
}

/// An iterate, shown to the observer of a solve after its scalars are known.
#[non_exhaustive]
pub struct Snapshot<'a> {
    /// k: 0 for the initial guess.
    pub iteration: u64,
    /// Its line of the history.
    pub record: Record,
    /// x_k on owned rows.
    pub x: &'a [f64],
    /// For an observer that wants to know more, at its own cost. All ranks must use it alike.
    pub a: &'a mut dyn Operator,
}

/// A line of the convergence history.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Record {
    /// k.
    pub iteration: u64,
    /// ‖r_k‖₂ of the recurrence.
    pub residual: f64,
    /// ν_k = ⟨M⁻¹ r_k, r_k⟩.
    pub nu: f64,
    /// α_k; NaN for the last iterate, which takes no step.
    pub alpha: f64,
    /// β_k of p_k = r̃_k + β_k p_{k−1}; NaN for the last iterate.
    pub beta: f64,
    /// |ν'_k − ν_k| / ν_k, the predicted against the recomputed ν; NaN where the method predicts none.
    pub nu_gap: f64,
    /// Seconds since the solve began.
    pub seconds: f64,
}

/// ‖x − x_k‖_A at the end of a solve.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct ErrorA {
    /// Against that of the initial guess.
    pub relative: f64,
    /// Whether it is an upper bound, or an estimate.
    pub is_bound: bool,
}

/// What came of a solve.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Outcome {
    /// Why it ended.
    pub reason: Reason,
    /// Iterations taken.
    pub iterations: u64,
    /// The first iterate measured here: 0, or the one that the solve was resumed at.
    pub begun_at: u64,
    /// The solution on owned rows. After a failure, the iterate with the smallest true residual known.
    pub x: Vec<f64>,
    /// What residuals are measured against: ‖b‖₂, or ‖r₀‖₂ if b = 0.
    pub reference_norm: f64,
    /// ‖r‖₂ by the recurrence, at the end.
    pub recurrence_residual: f64,
    /// ‖b − A x‖₂, computed at the end.
    pub true_residual: f64,
    /// The error, if that is what [`StopOn`] asks for and something is known of it.
    pub error_a: Option<ErrorA>,
    /// How often the recurrence's residual was replaced by the true one.
    pub replacements: u64,
    /// How often a vector was found to be corrupted, and the solve went on without the error.
    pub corruptions: u64,
    /// One record per iterate.
    pub history: Vec<Record>,
    /// Seconds from start to end, the last true residual included.
    pub seconds: f64,
}

impl Outcome {
    /// Iterations taken here, not before a restart.
    pub fn iterations_here(&self) -> u64 {
        self.iterations - self.begun_at
    }

    /// From the first iterate to the last on this rank: without the start of the method and the last true residual.
    pub fn seconds_per_iteration(&self) -> f64 {
        match &self.history[self.begun_at as usize..] {
            [first, .., last] => (last.seconds - first.seconds) / self.iterations_here().max(1) as f64,
            _ => 0.0,
        }
    }
}

/// Solves A x = b from the initial guess `x0` (zero if None). Collective.
///
/// `observe` sees every iterate; one that is measured again after a replacement is seen again.
///
/// "Converged" is said only of a true residual: when the recurrence meets the tolerance, b − A x is
/// computed; if that does not meet it (within [`TRUE_RESIDUAL_FACTOR`](super::TRUE_RESIDUAL_FACTOR)),
/// it replaces the recurrence's residual and the solve goes on.
///
/// # Panics
/// If `b` or `x0` do not have one entry per owned row.
pub fn solve(
    a: &mut dyn Operator,
    m: &mut dyn Preconditioner,
    b: &[f64],
    x0: Option<&[f64]>,
    kind: &Kind,
    settings: &Settings,
    observe: impl FnMut(Snapshot),
) -> Outcome {
    let begin = Begin::At(x0);
    solve_watched(a, m, b, begin, kind, settings, &mut OnlyObserve(observe)).expect("an initial guess fits")
}

/// [`solve_watched`] for numbers that are neither huge nor tiny.
pub(super) fn solve_as_it_is(
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
    assert_eq!(b.len(), a.layout().len(), "b has one entry per owned row");
    let (mut course, mut method) = match begin {
        Begin::At(x0) => start(a, m, b, x0, kind, settings),
        Begin::From(saved) => resume(a, m, b, saved, kind, settings)?,
        Begin::Anew(saved) => begin_anew(a, m, b, saved, kind, settings)?,
    };
    let begun = course.iteration;
    let seconds_before = course.history.last().map_or(0.0, |record| record.seconds);
    let tolerance = settings.tolerance(course.reference_norm);
    let converged = if tolerance > settings.atol { Reason::ConvergedRelative } else { Reason::ConvergedAbsolute };
    let mut ended = None;
    let reason = loop {
        // What a solve begins from is worth no file, unless it is all there will be.
        if course.iteration > begun || course.iteration >= settings.max_iterations {
            let turn = watch.turn(course.iteration, settings);
            if turn.save {
                watch.save(a.layout(), Saved::of(&course, method.as_mut()));
            }
            ended = turn.end;
        }
        faults::enter_iteration(comm.rank(), course.iteration);
        strike(method.as_mut(), course.iteration, Moment::BeforeProducts);
        let scalars = method.measure(a, m);
        strike(method.as_mut(), course.iteration, Moment::AfterProducts);
        let record = record(course.iteration, &scalars, seconds_before + comm.clock_seconds() - clock);
        watch.observe(Snapshot { iteration: course.iteration, record, x: method.solution(), a });
        course.history.push(record);

        let doubt = course.trust.doubt(&scalars);
        let error_a_initial = course.error.initial();
        let (trust, best, corruptions) = (&mut course.trust, &mut course.best, &mut course.corruptions);
        let mut look = |doubt, a: &mut dyn Operator, m: &mut dyn Preconditioner, x: &[f64]| {
            let r = residual(a, b, x);
            let mut seen = Checked { true_residual: norm(a, &r), x: x.to_vec(), r, error_a_initial };
            let expected = record.residual.max(tolerance);
            // A recurrence that has fallen below what rounding allows says nothing of x.
            let is_repaired = doubt != Doubt::Low && trust.checks_health() && repair(a, b, &mut seen, expected);
            // (Of a solution that is exact to the last bit, r is zero, whatever the recurrence holds.)
            let is_solved = seen.true_residual == 0.0;
            if scalars.nu <= 0.0 && scalars.rr >= LEAST_SQUARE && !is_solved && !is_positive_definite(a, m, &seen.r) {
                return Err(Reason::IndefinitePreconditioner);
            }
            let doubt = if is_repaired { Doubt::Breakdown } else { doubt };
            let (truth, r) = (seen.true_residual, seen.r.clone());
            let verdict = trust.judge(doubt, record.residual, truth);
            if truth.is_finite() && best.as_ref().is_none_or(|best| truth < best.true_residual) {
                *best = Some(seen);
            }
            *corruptions += u64::from(is_repaired || verdict == Verdict::Replace);
            match verdict {
                // The method's own x is not the one that was repaired.
                Verdict::Converged if is_repaired => Ok(best.clone().map(Renewal::Anew)),
                Verdict::Converged => Err(converged),
                Verdict::Diverged => Err(Reason::Diverged),
                Verdict::Stagnated => Err(Reason::Stagnated),
                Verdict::NotFinite => Err(Reason::NotFinite),
                Verdict::GoOn => Ok(None),
                Verdict::Replace => Ok(Some(Renewal::Residual(r))),
                Verdict::Restart => Ok(best.clone().map(Renewal::Anew)),
            }
        };
        if let (Some(Doubt::CorruptDirection), [.., before, _]) = (doubt, &course.history[..]) {
            repair_direction(a, m, b, method.as_mut(), before.alpha, scalars.nu_predicted / before.nu);
        }
        let mut renewed = match doubt {
            None => None,
            Some(doubt) => match look(doubt, a, m, method.solution()) {
                Err(reason) => break reason,
                Ok(renewed) => renewed,
            },
        };
        if renewed.is_none() {
            let error_a = course.error.upper().or(course.error.lower());
            if settings.stop_on == StopOn::ErrorA && error_a.is_some_and(|e| e <= settings.rtol * error_a_initial) {
                // The scalars speak of the recurrence: they are worth as much as it is.
                let r = residual(a, b, method.solution());
                if is_sound(norm(a, &r), record.residual) {
                    break Reason::ConvergedErrorA;
                }
                match look(Doubt::Breakdown, a, m, method.solution()) {
                    Err(reason) => break reason,
                    Ok(checked) => renewed = checked,
                }
            }
        }
        if renewed.is_none() {
            if course.iteration >= settings.max_iterations {
                break Reason::IterationLimit;
            }
            if let Some(reason) = ended {
                break reason;
            }
            match method.advance(a, m) {
                Step::Taken { alpha, beta } => {
                    let last = course.history.last_mut().expect("the record of this iterate was just pushed");
                    (last.alpha, last.beta) = (alpha, beta);
                    course.error.step(alpha, beta, scalars.nu);
                    course.iteration += 1;
                    if method.wants_replacement() || settings.replacement.is_due(course.iteration) {
                        let r = residual(a, b, method.solution());
                        method.replace(a, m, &r);
                        course.replacements += 1;
                    }
                }
                // Of a residual whose square underflows nothing can be said.
                Step::Indefinite { .. } if scalars.rr < LEAST_SQUARE => break Reason::NotFinite,
                Step::Indefinite { .. } => break Reason::IndefiniteMatrix,
                Step::Drifted => match look(Doubt::Breakdown, a, m, method.solution()) {
                    Err(reason) => break reason,
                    Ok(r) => renewed = r,
                },
            }
        }
        if let Some(renewal) = renewed {
            match renewal {
                Renewal::Residual(r) => method.replace(a, m, &r),
                Renewal::Anew(Checked { x, r, error_a_initial, .. }) => {
                    course.error.restart(error_a_initial);
                    // Not necessarily the present iterate: what broke down may have carried x away.
                    method = (kind.start)(a, m, x, r);
                }
            }
            course.replacements += 1;
            course.history.pop(); // this iterate is measured again
        }
    };

    let error_a_initial = course.error.initial();
    let relative = |error: f64, is_bound| ErrorA { relative: error / error_a_initial, is_bound };
    let upper = course.error.upper().map(|error| relative(error, true));
    let by_scalars = upper.or(course.error.lower().map(|error| relative(error, false)));
    let Course { iteration, replacements, corruptions, reference_norm, history, best, .. } = course;
    let x = match (reason, best) {
        (Reason::Stagnated | Reason::Diverged | Reason::NotFinite, Some(checked)) => checked.x,
        _ => method.solution().to_vec(),
    };
    let r = residual(a, b, &x);
    let true_residual = norm(a, &r);
    let recurrence_residual = history.last().expect("the last iterate has a record").residual;
    let (mut reason, mut error_a) = (reason, None);
    if settings.stop_on == StopOn::ErrorA {
        // The scalars speak of the recurrence, and of its x.
        let is_of_recurrence = !matches!(reason, Reason::Stagnated | Reason::Diverged | Reason::NotFinite);
        if is_of_recurrence && is_sound(true_residual, recurrence_residual) {
            error_a = by_scalars;
        } else {
            let told = relative(error_from(a, m, &r, &history, settings), settings.lambda_min.is_some());
            let is_small = told.relative <= settings.rtol;
            if reason == Reason::Stagnated && is_small {
                reason = Reason::ConvergedErrorA;
            }
            // Of Ritz values it is no more than what is sure not to be exceeded.
            error_a = Some(told).filter(|told| told.is_bound || is_small);
        }
    }
    Some(Outcome {
        reason,
        iterations: iteration,
        begun_at: begun,
        x,
        reference_norm,
        recurrence_residual,
        true_residual,
        error_a: error_a.filter(|error| error.relative.is_finite()),
        replacements,
        corruptions,
        history,
        seconds: comm.clock_seconds() - clock,
    })
}

/// What an iterate goes on with, after a look at its true residual.
enum Renewal {
    /// The true residual in the place of the recurrence's.
    Residual(Vec<f64>),
    /// A checked iterate, and no direction.
    Anew(Checked),
}

/// A solve whose first iterate is to be measured.
type Started = (Course, Box<dyn Method>);

fn start(
    a: &mut dyn Operator,
    m: &mut dyn Preconditioner,
    b: &[f64],
    x0: Option<&[f64]>,
    kind: &Kind,
    settings: &Settings,
) -> Started {
    let comm = a.layout().comm().clone();
    let x = x0.map_or_else(|| vec![0.0; b.len()], <[f64]>::to_vec);
    let r = if x0.is_some() { residual(a, b, &x) } else { b.to_vec() };
    let [b_square] = comm.sum_of([comm.dot(b, b)]);
    let course = Course::new(settings, if b_square > 0.0 { b_square.sqrt() } else { norm(a, &r) });
    (course, (kind.start)(a, m, x, r))
}

/// Where a solve was saved.
fn resume(
    a: &mut dyn Operator,
    m: &mut dyn Preconditioner,
    b: &[f64],
    saved: Saved,
    kind: &Kind,
    settings: &Settings,
) -> Option<Started> {
    let (course, rest) = saved.into_course(settings)?;
    // Begun in any way: everything is overwritten.
    let mut method = (kind.start)(a, m, vec![0.0; b.len()], b.to_vec());
    rest.put_back(method.as_mut())?;
    method.resume(a, m);
    Some((course, method))
}

/// At the iterate where a solve was saved, without its directions.
fn begin_anew(
    a: &mut dyn Operator,
    m: &mut dyn Preconditioner,
    b: &[f64],
    saved: Saved,
    kind: &Kind,
    settings: &Settings,
) -> Option<Started> {
    let (mut course, rest) = saved.into_course(settings)?;
    let x = rest.vectors.into_iter().next()?;
    let r = residual(a, b, &x);
    course.error.restart(course.error.initial());
    course.trust.forget_health();
    course.replacements += 1;
    Some((course, (kind.start)(a, m, x, r)))
}

fn record(iteration: u64, scalars: &Scalars, seconds: f64) -> Record {
    let &Scalars { rr, nu, nu_predicted, .. } = scalars;
    let nu_gap = (nu_predicted - nu).abs() / nu;
    Record { iteration, residual: rr.sqrt(), nu, alpha: f64::NAN, beta: f64::NAN, nu_gap, seconds }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comm::Comm;
    use crate::krylov;
    use crate::operator::Function;
    use crate::preconditioner;

    #[test]
    fn an_exact_solution_is_no_reason_to_blame_the_preconditioner() {
        let comm = Comm::alone();
        let product = |x: &[f64], _: &[f64], y: &mut [f64]| y[0] = 0.1 * x[0];
        let mut a = Function::new(&comm, 1, 0..1, &[], vec![0.1], product).expect("one row");
        let mut m = preconditioner::Kind::named("chebyshev").expect("in the table").build(&a).expect("it builds");
        let method = krylov::Kind::named("pipe-pr-cg").expect("in the table");
        let settings = Settings { rtol: 1e-12, ..Settings::default() };
        for k in 1..500 {
            let b = [f64::from(k).sin()];
            let outcome = solve(&mut a, m.as_mut(), &b, None, method, &settings, |_| ());
            assert!(outcome.reason.is_converged(), "b = {}: {:?}", b[0], outcome.reason);
        }
    }
}
