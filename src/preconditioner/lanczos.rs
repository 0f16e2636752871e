//! The ends of a spectrum, estimated by a few steps of Lanczos' method.

use crate::operator::Operator;
use crate::tridiagonal::eigenvalue;
use crate::vector::axpy;

/// Estimates of the least and the greatest eigenvalue of S A S (that is, of S² A), from inside, for a positive
/// diagonal S = `scaling`. Lanczos (J. Res. Nat. Bur. Standards 45, 1950), `steps` of them, without
/// reorthogonalisation, from a start vector made of the global row numbers: but for rounding the
/// estimates do not depend on the partition. Collective.
pub(super) fn spectrum_ends(a: &mut dyn Operator, scaling: &[f64], steps: usize) -> [f64; 2] {
    let comm = a.layout().comm().clone();
    let dot = |x: &[f64], y: &[f64]| {
        let [sum] = comm.sum_of([comm.dot(x, y)]);
        sum
    };
    let mut v: Vec<f64> = a.layout().rows().iter().map(|&row| noise(row)).collect();
    let mut previous = vec![0.0; v.len()];
    let (mut scaled, mut w) = (previous.clone(), previous.clone());
    let (mut alphas, mut betas_squared) = (Vec::new(), Vec::new());
    let mut beta = dot(&v, &v).sqrt();
    for step in 0..steps {
        v.iter_mut().for_each(|v| *v /= beta);
        (0..v.len()).for_each(|i| scaled[i] = scaling[i] * v[i]);
        a.apply(&scaled, &mut w);
        (0..v.len()).for_each(|i| w[i] *= scaling[i]);
        if step > 0 {
            axpy(&mut w, -beta, &previous);
        }
        let alpha = dot(&v, &w);
        axpy(&mut w, -alpha, &v);
        alphas.push(alpha);
        beta = dot(&w, &w).sqrt();
        // The space is exhausted: what is left is rounding.
        if beta.is_nan() || beta <= 1e-8 * alpha.abs() {
            break;
        }
        betas_squared.push(beta * beta);
        std::mem::swap(&mut previous, &mut v);
        std::mem::swap(&mut v, &mut w);
    }
    [0, alphas.len() - 1].map(|index| eigenvalue(&alphas, &betas_squared[..alphas.len() - 1], index))
}

/// A number in [−1, 1) that looks random, always the same for the same row (Vigna's splitmix64).
fn noise(row: u64) -> f64 {
    let mut bits = row.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((bits ^ (bits >> 31)) >> 11) as f64 / (1u64 << 52) as f64 - 1.0
}
