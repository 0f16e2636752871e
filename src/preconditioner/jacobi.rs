//! Diagonal scaling.

use super::preconditioner::Preconditioner;
use crate::error::{Error, ExitCode, Result};
use crate::operator::Operator;

/// M = diag(A). Does not communicate; does not depend on the partition.
pub struct Jacobi {
    diagonal: Vec<f64>,
    inverse_diagonal: Vec<f64>,
}

impl Jacobi {
    /// From the diagonal of `a`.
    ///
    /// # Errors
    /// On the rank that owns it, an entry that is not positive: close with [`Comm::agree`](crate::comm::Comm::agree).
    pub fn new(a: &dyn Operator) -> Result<Jacobi> {
        let diagonal = positive_diagonal(a)?;
        Ok(Jacobi { inverse_diagonal: diagonal.iter().map(|entry| 1.0 / entry).collect(), diagonal })
    }
}

/// The diagonal of `a`, if all of it is positive: what every preconditioner but the identity needs.
pub(super) fn positive_diagonal(a: &dyn Operator) -> Result<Vec<f64>> {
    let diagonal = a.diagonal();
    for (&entry, &row) in diagonal.iter().zip(a.layout().rows()) {
        if !(entry > 0.0 && entry.is_finite()) {
            return Err(Error::new(
                ExitCode::Preconditioner,
                format!(
                    "preconditioning needs a positive diagonal, but A({0},{0}) = {entry}: use --pc none, or check the matrix",
                    row + 1
                ),
            ));
        }
    }
    Ok(diagonal)
}

impl Preconditioner for Jacobi {
    fn diagonal(&self) -> Option<&[f64]> {
        Some(&self.diagonal)
    }

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
