//! Eigenvalues of symmetric tridiagonal matrices, as Lanczos' method and CG make them.

/// The `index`-th smallest eigenvalue of a symmetric tridiagonal matrix, by bisection on the number
/// of negative pivots (Sturm); about 0 for one that is negative. `beside_squared` holds the squares of
/// the entries beside the diagonal.
pub fn eigenvalue(diagonal: &[f64], beside_squared: &[f64], index: usize) -> f64 {
    let below = |lambda: f64| {
        let mut pivot = 1.0;
        let mut negative = 0;
        for (k, &d) in diagonal.iter().enumerate() {
            let coupling = if k > 0 { beside_squared[k - 1] / pivot } else { 0.0 };
            pivot = d - lambda - coupling;
            if pivot == 0.0 {
                pivot = f64::MIN_POSITIVE;
            }
            negative += usize::from(pivot < 0.0);
        }
        negative
    };
    // Gershgorin: all eigenvalues lie within the largest row sum of zero.
    let side = |k: usize| beside_squared.get(k).map_or(0.0, |square| square.sqrt());
    let reach = |k: usize| diagonal[k].abs() + side(k) + if k > 0 { side(k - 1) } else { 0.0 };
    let bound = (0..diagonal.len()).map(reach).fold(0.0, f64::max);
    let (mut low, mut high) = (0.0, bound * (1.0 + f64::EPSILON) + f64::MIN_POSITIVE);
    // Bisection of the exponent first: the smallest eigenvalue may be many orders below the largest.
    for _ in 0..200 {
        let middle = if low > 0.0 && high > 2.0 * low { (low * high).sqrt() } else { 0.5 * (low + high) };
        if middle <= low || middle >= high {
            break;
        }
        if below(middle) > index {
            high = middle;
        } else {
            low = middle;
        }
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bisection_finds_the_ends_of_a_known_spectrum() {
        // tridiag(−1, 2, −1): 2 − 2 cos(kπ/(n+1))
        let n = 50;
        let (diagonal, beside) = (vec![2.0; n], vec![1.0; n - 1]);
        let exact = |k: usize| 2.0 - 2.0 * (k as f64 * std::f64::consts::PI / (n as f64 + 1.0)).cos();
        for index in [0, 1, 30, n - 1] {
            let found = eigenvalue(&diagonal, &beside, index);
            assert!((found - exact(index + 1)).abs() < 1e-12 * exact(n), "{index}: {found}");
        }
        assert_eq!(eigenvalue(&[3.0], &[], 0), 3.0);
        let tiny = eigenvalue(&[1e-9, 1.0], &[0.0], 0);
        assert!((tiny - 1e-9).abs() < 1e-20, "{tiny:e}");
    }
}
