//! What the driver asks of a Krylov method.

use crate::operator::Operator;
use crate::preconditioner::Preconditioner;
use crate::vector::Partial;

/// A conjugate gradient recurrence. Its state belongs to one iterate x_k at a time; an iteration is
/// [`measure`](Method::measure) (the scalars of x_k become known) and then
/// [`advance`](Method::advance) (x_{k+1}). The driver tests for convergence in between.
///
/// `a` and `m` are the same in every call. `measure`, `advance` and `replace` are collective.
pub trait Method {
    /// Completes the inner products of the current iterate.
    fn measure(&mut self, a: &mut dyn Operator, m: &mut dyn Preconditioner) -> Scalars;

    /// Goes on to the next iterate, or leaves x as it is when the step length has no meaning.
    fn advance(&mut self, a: &mut dyn Operator, m: &mut dyn Preconditioner) -> Step;

    /// The current iterate, on owned rows.
    fn solution(&self) -> &[f64];

    /// True when the method itself asks for its residual to be replaced before it goes on.
    fn wants_replacement(&self) -> bool {
        false
    }

    /// Puts the true residual `r` in the place of the recurrence's. The search direction is kept; one that holds the
    /// recurrence's residual already gets the true one in its place.
    fn replace(&mut self, a: &mut dyn Operator, m: &mut dyn Preconditioner, r: &[f64]);

    /// What [`measure`](Method::measure) and all that follows depend on, x included: what a checkpoint
    /// holds. What `measure` itself computes is left out.
    fn state(&mut self) -> State<'_>;

    /// Forms what follows from a state that has been put in the place of this method's, with the same
    /// bits as a step would have. Collective.
    fn resume(&mut self, _: &mut dyn Operator, _: &mut dyn Preconditioner) {}
}

/// What a method carries from one iterate to the next, in a fixed order.
pub struct State<'a> {
    /// Vectors on owned rows.
    pub vectors: Vec<Column<'a>>,
    /// The same on every rank.
    pub scalars: Vec<&'a mut f64>,
}

/// A vector of a method, or two that lie side by side.
pub enum Column<'a> {
    /// One, with its letter.
    One(&'static str, &'a mut [f64]),
    /// Two, with theirs.
    Pair([&'static str; 2], &'a mut [[f64; 2]]),
}

/// Global scalars of an iterate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scalars {
    /// ⟨r, r⟩ of the recurrence's residual.
    pub rr: f64,
    /// ν = ⟨r̃, r⟩ with r̃ = M⁻¹ r.
    pub nu: f64,
    /// What the step before predicted for ν; NaN where nothing did.
    pub nu_predicted: f64,
    /// What else was summed, of methods in which it tells whether vectors are in order.
    pub summed: Option<Summed>,
}

/// Inner products of a predict-and-recompute method.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summed {
    /// μ = ⟨p, s⟩ with s = A p.
    pub mu: f64,
    /// γ = ⟨s̃, s⟩ with s̃ = M⁻¹ s.
    pub gamma: f64,
    /// δ = ⟨r̃, s⟩.
    pub delta: f64,
    /// r and r̃ have a recurrence each, and drift apart by rounding.
    pub apart: bool,
}

/// What became of an iteration.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Step {
    /// x_{k+1} = x_k + α_k p_k.
    Taken {
        /// α_k.
        alpha: f64,
        /// β_k, with which p_k = r̃_k + β_k p_{k−1} was formed; 0 for k = 0.
        beta: f64,
    },
    /// μ = ⟨p, A p⟩ ≤ 0: A is not positive definite. x is unchanged.
    Indefinite {
        /// The offending product.
        mu: f64,
    },
    /// The scalars make no sense for this recurrence (any more): it has drifted, or overflowed. x is unchanged.
    Drifted,
}

/// α = ν/μ, if that makes sense. With μ ≤ 0 it does not: A is not positive definite, provided that μ
/// is the true ⟨p, A p⟩; see [`confirm`] where it is not.
pub(super) fn step_length(nu: f64, mu: f64) -> Result<f64, Step> {
    let alpha = nu / mu;
    if mu <= 0.0 {
        Err(Step::Indefinite { mu })
    } else if alpha.is_finite() {
        Ok(alpha)
    } else {
        Err(Step::Drifted)
    }
}

/// Before A is called indefinite, ⟨p, A p⟩ is computed once more: s = A p may be a recurrence, or corrupted. Collective.
pub(super) fn confirm(stop: Step, a: &mut dyn Operator, p: &[f64]) -> Step {
    let Step::Indefinite { .. } = stop else {
        return stop;
    };
    let mut s = vec![0.0; p.len()];
    a.apply(p, &mut s);
    let comm = a.layout().comm();
    let [mu] = comm.sum_of([comm.dot(p, &s)]);
    if mu <= 0.0 { Step::Indefinite { mu } } else { Step::Drifted }
}

/// How ν_{k+1} = ⟨r̃_{k+1}, r_{k+1}⟩ is predicted from scalars of step k.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Prediction {
    /// ⟨r̃ − α s̃, r − α s⟩ written out; no orthogonality used.
    Full,
    /// With δ = μ and α μ = ν, as in exact arithmetic; δ need not be summed.
    Meurant,
}

impl Prediction {
    /// ν'_{k+1}.
    pub(super) fn nu(self, nu: f64, alpha: f64, delta: f64, gamma: f64) -> f64 {
        match self {
            Prediction::Full => nu - 2.0 * alpha * delta + alpha * alpha * gamma,
            Prediction::Meurant => -nu + alpha * alpha * gamma,
        }
    }

    /// The scalars of an iterate, from the sums that [`reduce`](Prediction::reduce) returned.
    pub(super) fn scalars(self, [mu, gamma, nu, delta, rr]: [f64; 5], nu_predicted: f64, apart: bool) -> Scalars {
        let summed = (self == Prediction::Full).then_some(Summed { mu, gamma, delta, apart });
        Scalars { rr, nu, nu_predicted, summed }
    }

    /// Sums μ, γ, ν, δ, ⟨r, r⟩ over the ranks by `sum`, leaving out what is not needed: δ without a
    /// use for it, ⟨r, r⟩ when it is ν.
    pub(super) fn reduce(
        self,
        partial: [Partial; 5],
        preconditioned: bool,
        sum: impl FnOnce(&mut [Partial]),
    ) -> [f64; 5] {
        let [mu, gamma, nu, delta, rr] = partial;
        match (self, preconditioned) {
            (Prediction::Full, true) => summed([mu, gamma, nu, delta, rr], sum),
            (Prediction::Full, false) => {
                let [mu, gamma, nu, delta] = summed([mu, gamma, nu, delta], sum);
                [mu, gamma, nu, delta, nu]
            }
            (Prediction::Meurant, true) => {
                let [mu, gamma, nu, rr] = summed([mu, gamma, nu, rr], sum);
                [mu, gamma, nu, f64::NAN, rr]
            }
            (Prediction::Meurant, false) => {
                let [mu, gamma, nu] = summed([mu, gamma, nu], sum);
                [mu, gamma, nu, f64::NAN, nu]
            }
        }
    }
}

fn summed<const K: usize>(mut partials: [Partial; K], sum: impl FnOnce(&mut [Partial])) -> [f64; K] {
    sum(&mut partials);
    partials.map(|sum| sum.value())
}
