//! What the scalars α, β, ν of conjugate gradients tell for nothing: no product, no sum.
//!
//! * The A-norm of the error. In exact arithmetic ‖x − x_k‖²_A − ‖x − x_{k+1}‖²_A = α_k ν_k, so d
//!   steps later a lower bound of ‖x − x_k‖_A is known (Hestenes & Stiefel 1952; Strakoš & Tichý,
//!   ETNA 13, 2002). With a lower bound of the spectrum there is an upper bound as well, from
//!   Gauss–Radau quadrature (Meurant & Tichý, Numer. Algorithms 62, 2013).
//! * The spectrum of M⁻¹ A: the extreme eigenvalues of the Lanczos matrix that α and β hold.

use super::driver::Record;
use crate::exponent::{exponent, times_power_of_two};
use crate::tridiagonal::eigenvalue;
use std::collections::VecDeque;

/// Bounds of the A-norm of the error, from one step to the next.
#[derive(Clone, Debug)]
pub struct ErrorBounds {
    delay: usize,
    lambda_min: Option<f64>,
    /// α_j ν_j of the last steps, at most `delay` of them.
    terms: VecDeque<f64>,
    total: f64,
    /// Gauss–Radau coefficient of the last step's iterate, and that step's α and ν.
    gamma: f64,
    last: Option<(f64, f64)>,
}

impl ErrorBounds {
    /// With a delay of `delay` ≥ 1 steps, and `lambda_min` not above the smallest eigenvalue of M⁻¹ A, if known.
    pub fn new(delay: usize, lambda_min: Option<f64>) -> ErrorBounds {
        ErrorBounds { delay: delay.max(1), lambda_min, terms: VecDeque::new(), total: 0.0, gamma: f64::NAN, last: None }
    }

    /// Takes in step k: x_{k+1} = x_k + α_k p_k with p_k = r̃_k + β_k p_{k−1}.
    pub fn step(&mut self, alpha: f64, beta: f64, nu: f64) {
        if self.terms.len() == self.delay {
            self.terms.pop_front();
        }
        self.terms.push_back(alpha * nu);
        self.total += alpha * nu;
        self.radau(beta);
        self.last = Some((alpha, nu));
    }

    /// The Gauss–Radau coefficient of a step with this β.
    fn radau(&mut self, beta: f64) {
        if let Some(mu) = self.lambda_min {
            self.gamma = match self.last {
                Some((alpha_before, _)) if beta != 0.0 => {
                    let rest = self.gamma - alpha_before;
                    rest / (mu * rest + beta)
                }
                _ => 1.0 / mu, // the first step, or the first after a restart
            };
        }
    }

    /// Begins anew from an iterate for which [`initial`](ErrorBounds::initial) was `initial`.
    pub fn restart(&mut self, initial: f64) {
        self.terms.clear();
        self.last = None;
        self.total = initial * initial;
    }

    /// Appends what has been taken in, in the order in which [`take_scalars`](ErrorBounds::take_scalars) takes it.
    pub(super) fn append_scalars(&self, scalars: &mut Vec<f64>) {
        let (alpha, nu) = self.last.unwrap_or((f64::NAN, f64::NAN));
        scalars.extend([self.total, alpha, nu, self.terms.len() as f64]);
        scalars.extend(&self.terms);
    }

    /// `history` holds all steps so far: λ_min may be another one than when they were taken. None if there are too few
    /// scalars.
    pub(super) fn take_scalars(&mut self, saved: &mut impl Iterator<Item = f64>, history: &[Record]) -> Option<()> {
        self.last = None;
        for record in history {
            self.radau(record.beta);
            self.last = Some((record.alpha, record.nu));
        }
        self.total = saved.next()?;
        let last = (saved.next()?, saved.next()?);
        self.last = (!last.0.is_nan()).then_some(last);
        self.terms.clear();
        for _ in 0..saved.next()? as u64 {
            self.terms.push_back(saved.next()?);
        }
        // The delay may be another one now.
        while self.terms.len() > self.delay {
            self.terms.pop_front();
        }
        Some(())
    }

    /// A lower bound of ‖x − x_{k+1−d}‖_A after step k, once d steps have been taken.
    pub fn lower(&self) -> Option<f64> {
        (self.terms.len() == self.delay).then(|| self.terms.iter().sum::<f64>().sqrt())
    }

    /// An upper bound of ‖x − x_k‖_A after step k, if the spectrum's lower end is known.
    pub fn upper(&self) -> Option<f64> {
        let (_, nu) = self.last?;
        self.lambda_min.map(|_| (self.gamma * nu).sqrt()).filter(|bound| bound.is_finite())
    }

    /// ‖x − x_0‖_A as far as it is known: a lower bound that soon is tight.
    pub fn initial(&self) -> f64 {
        self.total.sqrt()
    }
}

/// The iterates that took a step.
fn steps(history: &[Record]) -> Vec<&Record> {
    history.iter().filter(|record| record.alpha.is_finite()).collect()
}

/// From one restart to the next.
fn segments<'a, 'b>(steps: &'a [&'b Record]) -> impl Iterator<Item = &'a [&'b Record]> {
    steps.chunk_by(|_, next| next.beta != 0.0)
}

/// The ends of the spectrum of M⁻¹ A as the iteration has seen it: λ_min from above, λ_max from below.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Spectrum {
    /// The smallest Ritz value.
    pub lambda_min: f64,
    /// The largest Ritz value.
    pub lambda_max: f64,
}

impl Spectrum {
    /// κ(M⁻¹ A), estimated from below.
    pub fn condition(&self) -> f64 {
        self.lambda_max / self.lambda_min
    }

    /// From the history of a solve; after a restart (β = 0) a new Lanczos matrix begins, and the longest counts.
    pub fn of(history: &[Record]) -> Option<Spectrum> {
        let steps = steps(history);
        Spectrum::of_segment(segments(&steps).max_by_key(|segment| segment.len())?)
    }

    /// The smallest Ritz value of all: None if one of the matrices makes no sense.
    pub(super) fn smallest(history: &[Record]) -> Option<f64> {
        let steps = steps(history);
        let of_segments = segments(&steps).map(|segment| Some(Spectrum::of_segment(segment)?.lambda_min));
        of_segments.reduce(|a, b| Some(a?.min(b?)))?.filter(|&lambda| lambda > 0.0)
    }

    fn of_segment(segment: &[&Record]) -> Option<Spectrum> {
        // In units of one of them, lest squares over- or underflow; powers of two round nothing.
        let unit = exponent(segment[0].alpha)?;
        let alpha = |k: usize| times_power_of_two(segment[k].alpha, -unit);
        // T = L D Lᵀ in terms of the scalars: diagonal 1/α_k + β_k/α_{k−1}, beside it √β_{k+1} / α_k.
        let mut diagonal = Vec::with_capacity(segment.len());
        let mut beside_squared = Vec::with_capacity(segment.len());
        for (k, record) in segment.iter().enumerate() {
            let before = if k > 0 { record.beta / alpha(k - 1) } else { 0.0 };
            diagonal.push(1.0 / alpha(k) + before);
            if k > 0 {
                beside_squared.push(record.beta / alpha(k - 1).powi(2));
            }
        }
        if beside_squared.iter().any(|&square| square.is_nan() || square < 0.0) {
            return None; // a negative β: the recurrence had broken down
        }
        let n = diagonal.len();
        let [lambda_min, lambda_max] =
            [0, n - 1].map(|index| times_power_of_two(eigenvalue(&diagonal, &beside_squared, index), -unit));
        Some(Spectrum { lambda_min, lambda_max })
    }
}
