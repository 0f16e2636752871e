//! The dense diagonal model problem of the tutorial on pipelined predict-and-recompute CG: a
//! diagonal matrix with a prescribed spectrum, stored dense so that its products cost what those
//! of a dense matrix cost (Strakoš' eigenvalues; Chen & Carson 2020, scaling experiments).

/// λᵢ = λ₁ + (i − 1)/(n − 1) · (λₙ − λ₁) ρⁿ⁻ⁱ for i = 1 … n, with λ₁ = 1/κ and λₙ = 1.
///
/// (The tutorial's text prints an exponent where its code has this factor, and i + 1 for i − 1;
/// with those, λ₁ and λₙ would not be the ends of the spectrum.)
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spectrum {
    /// Number of eigenvalues = rows.
    pub n: u64,
    /// Condition number κ.
    pub kappa: f64,
    /// How strongly the eigenvalues gather at λ₁: 0 < ρ ≤ 1.
    pub rho: f64,
}

impl Spectrum {
    /// Added to every entry of the dense matrix, so that no library may take a shortcut on exact
    /// zeros; far below rounding against the diagonal.
    pub const EVERYWHERE: f64 = 2e-32;

    /// The eigenvalue in row `row` (0-based).
    pub fn eigenvalue(&self, row: u64) -> f64 {
        let (first, last) = (1.0 / self.kappa, 1.0);
        if self.n == 1 {
            return last;
        }
        let fraction = row as f64 / (self.n - 1) as f64;
        first + fraction * (last - first) * self.rho.powf((self.n - 1 - row) as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spectrum_starts_at_one_over_kappa_ends_at_one_and_increases() {
        let spectrum = Spectrum { n: 48, kappa: 1e3, rho: 0.8 };
        assert_eq!(spectrum.eigenvalue(0), 1e-3);
        assert_eq!(spectrum.eigenvalue(47), 1.0);
        assert!((1..48).all(|row| spectrum.eigenvalue(row) > spectrum.eigenvalue(row - 1)));
    }
}
