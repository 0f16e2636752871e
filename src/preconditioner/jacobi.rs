//! Diagonal scaling.

use super::preconditioner::Preconditioner;
use crate::error::{Error, ExitCode, Result};
use crate::operator::Operator;

/// M = diag(A). Does not communicate.
pub struct Jacobi {
    inverse_diagonal: Vec<f64>,
}

impl Jacobi {
    /// From the diagonal of `a`.
    ///
    /// # Errors
    /// On the rank that owns it, an entry that is not positive: close with [`Comm::agree`](crate::comm::Comm::agree).
    pub fn new(a: &dyn Operator) -> Result<Jacobi> {
        let diagonal = a.diagonal();
        for (&entry, &row) in diagonal.iter().zip(a.layout().rows()) {
            if entry.is_nan() || entry <= 0.0 {
                return Err(Error::new(
                    ExitCode::Preconditioner,
                    format!("--pc jacobi needs a positive diagonal, but A({0},{0}) = {entry}", row + 1),
                ));
            }
        }
        Ok(Jacobi { inverse_diagonal: diagonal.into_iter().map(|entry| 1.0 / entry).collect() })
    }
}

impl Preconditioner for Jacobi {
    fn apply(&mut self, r: &[f64], z: &mut [f64]) {
        for ((z, r), d) in z.iter_mut().zip(r).zip(&self.inverse_diagonal) {
            *z = d * r;
        }
    }

    fn apply_pair(&mut self, r: &[[f64; 2]], z: &mut [[f64; 2]]) {
        for ((z, r), d) in z.iter_mut().zip(r).zip(&self.inverse_diagonal) {
            *z = [d * r[0], d * r[1]];
        }
    }
}
