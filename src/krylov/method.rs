//! What the driver asks of a Krylov method.

use crate::operator::Operator;
use crate::preconditioner::Preconditioner;
use crate::vector::dot;

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

    /// Puts the true residual `r` in the place of the recurrence's, keeping the search direction.
    fn replace(&mut self, a: &mut dyn Operator, m: &mut dyn Preconditioner, r: &[f64]);
}

/// Global scalars of an iterate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scalars {
    /// ⟨r, r⟩ of the recurrence's residual.
    pub rr: f64,
    /// ν = ⟨r̃, r⟩ with r̃ = M⁻¹ r.
    pub nu: f64,
}

/// What became of an iteration.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Step {
    /// x ← x + α p; the next direction was formed with β.
    Taken {
        /// Step length.
        alpha: f64,
        /// β of the direction *after* this step, or of the one used in it, as the method's recurrence has it.
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

/// For methods whose s = A p is a recurrence: before A is called indefinite, ⟨p, A p⟩ is computed. Collective.
pub(super) fn confirm(stop: Step, a: &mut dyn Operator, p: &[f64]) -> Step {
    let Step::Indefinite { .. } = stop else {
        return stop;
    };
    let mut s = vec![0.0; p.len()];
    a.apply(p, &mut s);
    let mut mu = [dot(p, &s)];
    a.layout().comm().sum(&mut mu);
    if mu[0] <= 0.0 { Step::Indefinite { mu: mu[0] } } else { Step::Drifted }
}
