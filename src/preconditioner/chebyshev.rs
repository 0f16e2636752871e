//! A Chebyshev polynomial in the diagonally scaled matrix.

use super::jacobi::positive_diagonal;
use super::lanczos::spectrum_ends;
use super::preconditioner::Preconditioner;
use crate::comm::Counts;
use crate::error::{Error, Result};
use crate::operator::Operator;

/// So many steps of Lanczos' method give the interval. Its lower end is meant to lie above the least
/// eigenvalues: CG deals with the few of them better than a polynomial of low degree does.
const LANCZOS_STEPS: usize = 12;
/// The estimate of the greatest eigenvalue comes from below.
const SAFETY: f64 = 1.1;
/// An interval wider than this spreads the polynomial too thin.
const WIDEST: f64 = 100.0;

/// M⁻¹ = p(D⁻¹A) D⁻¹, D = diag(A), where 1 − t p(t) is the Chebyshev polynomial that is least on an
/// interval of eigenvalues t of D⁻¹A: `degree` + 1 steps of Chebyshev's iteration for A z = r from zero,
/// `degree` products. Saad, "Iterative Methods for Sparse Linear Systems" (2003), algorithm 12.1;
/// Adams, Brezina, Hu & Tuminaro (J. Comput. Phys. 188, 2003).
///
/// The interval comes from a short Lanczos run when M is built.
///
/// Of even degree, M is positive definite for every interval: 1 − t p(t) is then of odd degree and
/// stays below 1 on all t > 0. Of odd degree it is so up to the sum of the interval's ends.
///
/// Communicates with neighbours only: one exchange of ghosts per degree and not a single inner
/// product, so that all of it can run while a global sum is in flight. Does not depend on the
/// partition, but for rounding.
pub struct Chebyshev {
    a: Box<dyn Operator>,
    inverse_diagonal: Vec<f64>,
    interval: [f64; 2],
    /// The first step is d = D⁻¹ r / θ ...
    inverse_theta: f64,
    /// ... and the next ones are d ← c₀ d + c₁ D⁻¹ (r − A z).
    steps: Vec<[f64; 2]>,
    /// d and A z, of one vector or of two.
    words: Vec<f64>,
}

/// y = A x for K vectors side by side.
type Product<const K: usize> = fn(&mut dyn Operator, &[[f64; K]], &mut [[f64; K]]);

impl Chebyshev {
    /// Of this degree for `a`. Collective.
    ///
    /// # Errors
    /// When the diagonal is not positive, or `a` cannot be shared; the same on every rank.
    pub fn new(a: &dyn Operator, degree: u32) -> Result<Chebyshev> {
        let diagonal = a.layout().comm().agree(positive_diagonal(a))?;
        let mut a = a.share().ok_or_else(|| {
            Error::usage(
                "--pc chebyshev makes products while a sum is in flight, which the dense model problem cannot: use --pc jacobi",
            )
        })?;
        let scaling: Vec<f64> = diagonal.iter().map(|entry| 1.0 / entry.sqrt()).collect();
        let [least, greatest] = spectrum_ends(a.as_mut(), &scaling, LANCZOS_STEPS);
        // The eigenvalues of D⁻¹A are 1 on average.
        let upper = SAFETY * greatest.max(1.0);
        let interval = [least.max(upper / WIDEST), upper];
        let (inverse_theta, steps) = recurrence(interval, degree);
        let words = vec![0.0; 4 * diagonal.len()];
        let inverse_diagonal = diagonal.into_iter().map(|entry| 1.0 / entry).collect();
        Ok(Chebyshev { a, inverse_diagonal, interval, inverse_theta, steps, words })
    }

    fn iterate<const K: usize>(&mut self, r: &[[f64; K]], z: &mut [[f64; K]], product: Product<K>)
    where
        [f64; K]: bytemuck::Pod,
    {
        let Chebyshev { a, inverse_diagonal, inverse_theta, steps, words, .. } = self;
        let (d, az) = words[..2 * K * r.len()].split_at_mut(K * r.len());
        let (d, az): (&mut [[f64; K]], &mut [[f64; K]]) = (bytemuck::cast_slice_mut(d), bytemuck::cast_slice_mut(az));
        for (((z, d), r), inverse) in z.iter_mut().zip(d.iter_mut()).zip(r).zip(&*inverse_diagonal) {
            *d = r.map(|r| *inverse_theta * inverse * r);
            *z = *d;
        }
        for &[c0, c1] in &*steps {
            product(a.as_mut(), z, az);
            let rows = z.iter_mut().zip(d.iter_mut()).zip(r).zip(&*az).zip(&*inverse_diagonal);
            for ((((z, d), r), az), inverse) in rows {
                for k in 0..K {
                    d[k] = c0 * d[k] + c1 * inverse * (r[k] - az[k]);
                    z[k] += d[k];
                }
            }
        }
    }
}

/// 1/θ and the coefficients of the steps of Chebyshev's iteration on an interval with the centre θ
/// and the half width δ.
fn recurrence([lower, upper]: [f64; 2], degree: u32) -> (f64, Vec<[f64; 2]>) {
    let (theta, delta) = ((upper + lower) / 2.0, (upper - lower) / 2.0);
    let sigma = theta / delta;
    let mut rho = 1.0 / sigma;
    let mut steps = Vec::new();
    for _ in 0..degree {
        let rho_next = 1.0 / (2.0 * sigma - rho);
        steps.push([rho_next * rho, 2.0 * rho_next / delta]);
        rho = rho_next;
    }
    (1.0 / theta, steps)
}

impl Preconditioner for Chebyshev {
    fn apply(&mut self, r: &[f64], z: &mut [f64]) {
        self.iterate::<1>(bytemuck::cast_slice(r), bytemuck::cast_slice_mut(z), |a, x, y| {
            a.apply(bytemuck::cast_slice(x), bytemuck::cast_slice_mut(y));
        });
    }

    fn apply_pair(&mut self, r: &[[f64; 2]], z: &mut [[f64; 2]]) {
        self.iterate(r, z, |a, x, y| a.apply_pair(x, y));
    }

    fn note(&self) -> Option<String> {
        let [lower, upper] = self.interval;
        Some(format!("Chebyshev: degree {} on eigenvalues {lower:.3} to {upper:.3} of D^-1 A", self.steps.len()))
    }

    fn counts(&self) -> Counts {
        self.a.layout().comm().profile().counts()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// t p(t) by the recurrence, for the scalar "matrix" t.
    fn times_p(t: f64, interval: [f64; 2], degree: u32) -> f64 {
        let (inverse_theta, steps) = recurrence(interval, degree);
        let mut d = inverse_theta;
        let mut z = d;
        for [c0, c1] in steps {
            d = c0 * d + c1 * (1.0 - t * z);
            z += d;
        }
        t * z
    }

    #[test]
    fn the_polynomial_is_the_least_one_on_its_interval() {
        let interval: [f64; 2] = [0.1, 2.0];
        for degree in 0..8 {
            let order = f64::from(degree + 1);
            let least = 1.0 / (order * (2.1_f64 / 1.9).acosh()).cosh();
            let ts = (0..=1000).map(|i| 0.1 + 1.9 * f64::from(i) / 1000.0);
            let errors: Vec<f64> = ts.map(|t| 1.0 - times_p(t, interval, degree)).collect();
            let largest = errors.iter().fold(0.0, |max: f64, error| max.max(error.abs()));
            assert!((largest - least).abs() < 1e-12, "degree {degree}: {largest} {least}");
        }
    }

    #[test]
    fn of_even_degree_it_is_positive_wherever_the_eigenvalues_are() {
        let ts = || (1..=2000).map(|i| f64::from(i) / 100.0);
        for degree in 0..10 {
            let positive = ts().all(|t| times_p(t, [0.1, 2.0], degree) > 0.0);
            assert_eq!(positive, degree % 2 == 0, "degree {degree}");
            assert!(ts().filter(|&t| t < 2.1).all(|t| times_p(t, [0.1, 2.0], degree) > 0.0), "degree {degree}");
        }
    }
}
