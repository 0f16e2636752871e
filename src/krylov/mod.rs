//! Conjugate gradient methods: the table of them, and the driver that runs one.

mod hs_cg;
mod method;
mod pipe_pr_cg;
mod reason;

pub use method::{Method, Scalars, Step};
pub use reason::Reason;

use crate::comm::Phase;
use crate::operator::Operator;
use crate::preconditioner::Preconditioner;
use crate::vector::dot;

/// A row of the table of methods.
#[derive(Debug)]
pub struct Kind {
    /// What it is called on the command line and in reports.
    pub name: &'static str,
    /// Other names, PETSc's among them.
    pub aliases: &'static [&'static str],
    /// The name in the paper's tables.
    pub paper_name: &'static str,
    /// One line for the help text.
    pub about: &'static str,
    start: Start,
}

/// Makes a method from the initial guess and its residual. Collective.
type Start = fn(&mut dyn Operator, &mut dyn Preconditioner, x: Vec<f64>, r: Vec<f64>) -> Box<dyn Method>;

/// Every method there is.
pub const TABLE: &[Kind] = &[
    Kind {
        name: "pipe-pr-cg",
        aliases: &["pipeprcg"],
        paper_name: "PIPE-PR-CG",
        about: "pipelined predict-and-recompute CG: one sum, hidden behind two products in one pass",
        start: pipe_pr_cg::PipePrCg::start,
    },
    Kind {
        name: "hs-cg",
        aliases: &["cg"],
        paper_name: "HS-CG",
        about: "classic CG (Hestenes-Stiefel): two sums, both waited for",
        start: hs_cg::HsCg::start,
    },
];

impl Kind {
    /// The row called `name`, or one of whose aliases is `name`.
    pub fn named(name: &str) -> Option<&'static Kind> {
        TABLE.iter().find(|kind| kind.name == name || kind.aliases.contains(&name))
    }
}

/// The true residual may exceed the tolerance by this factor in a solve that is called converged:
/// it is measured after the recurrence's residual has met the tolerance, and differs by rounding.
pub const TRUE_RESIDUAL_FACTOR: f64 = 1.1;

/// A replaced residual must at least halve the true residual by the next check, or the solve has stagnated.
const STAGNATION_FACTOR: f64 = 0.5;

/// When to stop.
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
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { rtol: 1e-8, atol: 1e-50, divtol: 1e8, max_iterations: 10_000 }
    }
}

/// An iterate, shown to the observer of a solve after its scalars are known.
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
pub struct Record {
    /// k.
    pub iteration: u64,
    /// ‖r_k‖₂ of the recurrence.
    pub residual: f64,
    /// ν_k = ⟨M⁻¹ r_k, r_k⟩.
    pub nu: f64,
    /// α_k; NaN for the last iterate, which takes no step.
    pub alpha: f64,
    /// β of the step taken from x_k; NaN for the last iterate.
    pub beta: f64,
    /// Seconds since the solve began.
    pub seconds: f64,
}

/// What came of a solve.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Why it ended.
    pub reason: Reason,
    /// Iterations taken.
    pub iterations: u64,
    /// The solution on owned rows.
    pub x: Vec<f64>,
    /// What residuals are measured against: ‖b‖₂, or ‖r₀‖₂ if b = 0.
    pub reference_norm: f64,
    /// ‖r‖₂ by the recurrence, at the end.
    pub recurrence_residual: f64,
    /// ‖b − A x‖₂, computed at the end.
    pub true_residual: f64,
    /// How often the recurrence's residual was replaced by the true one.
    pub replacements: u64,
    /// One record per iterate.
    pub history: Vec<Record>,
    /// Seconds from start to end, the last true residual included.
    pub seconds: f64,
}

/// Solves A x = b from the initial guess `x0` (zero if None). Collective.
///
/// `observe` sees every iterate. "Converged" is said only of a true residual: when the recurrence
/// meets the tolerance, b − A x is computed; if that does not meet it (within
/// [`TRUE_RESIDUAL_FACTOR`]), it replaces the recurrence's residual and the solve goes on.
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
    mut observe: impl FnMut(Snapshot),
) -> Outcome {
    let comm = a.layout().comm().clone();
    let begin = comm.clock_seconds();
    assert_eq!(b.len(), a.layout().len(), "b has one entry per owned row");

    let x = x0.map_or_else(|| vec![0.0; b.len()], <[f64]>::to_vec);
    let r = if x0.is_some() { residual(a, b, &x) } else { b.to_vec() };
    let mut norms = [dot(b, b), dot(&r, &r)];
    comm.sum(&mut norms);
    let [b_norm, r_norm] = norms.map(f64::sqrt);
    let reference_norm = if b_norm > 0.0 { b_norm } else { r_norm };
    let tolerance = (settings.rtol * reference_norm).max(settings.atol);
    let converged = if tolerance > settings.atol { Reason::ConvergedRelative } else { Reason::ConvergedAbsolute };

    let mut method = (kind.start)(a, m, x, r);
    let (mut history, mut replacements, mut iteration) = (Vec::new(), 0, 0);
    let mut last_check = f64::INFINITY;
    let (reason, recurrence_residual) = loop {
        let Scalars { rr, nu } = method.measure(a, m);
        let recurrence = rr.sqrt();
        let seconds = comm.clock_seconds() - begin;
        let record = Record { iteration, residual: recurrence, nu, alpha: f64::NAN, beta: f64::NAN, seconds };
        observe(Snapshot { iteration, record, x: method.solution(), a });
        history.push(record);

        // Whether the recurrence can still be believed is asked when it claims convergence and when it breaks down.
        let mut doubt = recurrence <= tolerance || nu <= 0.0 || !(rr + nu).is_finite();
        if !doubt {
            if recurrence > settings.divtol * reference_norm {
                break (Reason::Diverged, recurrence);
            }
            if iteration == settings.max_iterations {
                break (Reason::IterationLimit, recurrence);
            }
            match method.advance(a, m) {
                Step::Taken { alpha, beta } => {
                    let last = history.last_mut().expect("the record of this iterate was just pushed");
                    (last.alpha, last.beta) = (alpha, beta);
                    iteration += 1;
                }
                Step::Indefinite { .. } => break (Reason::IndefiniteMatrix, recurrence),
                Step::Drifted => doubt = true,
            }
        }
        if doubt {
            let r = residual(a, b, method.solution());
            let true_residual = norm(a, &r);
            if !true_residual.is_finite() {
                break (Reason::NotFinite, recurrence);
            }
            if true_residual <= TRUE_RESIDUAL_FACTOR * tolerance {
                break (converged, recurrence);
            }
            if nu <= 0.0 && !is_positive_definite(a, m, &r) {
                break (Reason::IndefinitePreconditioner, recurrence);
            }
            if true_residual > STAGNATION_FACTOR * last_check {
                break (Reason::Stagnated, recurrence);
            }
            // Close to the tolerance the directions are still good; else they belong to another residual.
            if recurrence <= tolerance && true_residual <= 10.0 * tolerance {
                method.replace(a, m, &r);
            } else {
                method = (kind.start)(a, m, method.solution().to_vec(), r);
            }
            replacements += 1;
            last_check = true_residual;
            history.pop(); // this iterate is measured again
        }
    };

    let x = method.solution().to_vec();
    let r = residual(a, b, &x);
    let true_residual = norm(a, &r);
    let seconds = comm.clock_seconds() - begin;
    Outcome {
        reason,
        iterations: iteration,
        x,
        reference_norm,
        recurrence_residual,
        true_residual,
        replacements,
        history,
        seconds,
    }
}

/// b − A x. Collective.
pub fn residual(a: &mut dyn Operator, b: &[f64], x: &[f64]) -> Vec<f64> {
    let mut r = vec![0.0; b.len()];
    a.apply(x, &mut r);
    let comm = a.layout().comm().clone();
    comm.timed(Phase::Vectors, || r.iter_mut().zip(b).for_each(|(r, b)| *r = b - *r));
    r
}

/// Whether ⟨M⁻¹ r, r⟩ > 0 for this r ≠ 0. Collective.
fn is_positive_definite(a: &dyn Operator, m: &mut dyn Preconditioner, r: &[f64]) -> bool {
    let mut z = vec![0.0; r.len()];
    m.apply(r, &mut z);
    let mut nu = [dot(&z, r)];
    a.layout().comm().sum(&mut nu);
    nu[0] > 0.0
}

/// ‖x‖₂ over all ranks. Collective.
pub fn norm(a: &dyn Operator, x: &[f64]) -> f64 {
    let mut sum = [dot(x, x)];
    a.layout().comm().sum(&mut sum);
    sum[0].sqrt()
}
