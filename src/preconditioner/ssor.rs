//! Symmetric Gauss-Seidel.

use super::factor::Factor;
use super::jacobi::positive_diagonal;
use crate::error::Result;
use crate::operator::Operator;

/// M = (D + L) D⁻¹ (D + Lᵀ) of each rank's own block, D its diagonal and L its lower triangle: a
/// sweep of Gauss-Seidel forwards and one backwards (SSOR with ω = 1). Saad, "Iterative Methods for
/// Sparse Linear Systems" (2003), section 10.2.
///
/// Does not communicate. Couplings between ranks are left out of M, so it depends on the partition,
/// and on the order of a rank's rows. Positive definite whenever D is.
///
/// # Errors
/// On the rank that owns it, a diagonal entry that is not positive.
pub(super) fn ssor(a: &dyn Operator) -> Result<Factor> {
    let diagonal = positive_diagonal(a)?;
    let block = a.own_block();
    let mut factor = Factor::new(a.layout().comm());
    for (row, &pivot) in diagonal.iter().enumerate() {
        let (columns, values) = block.row(row);
        let lower = columns.iter().zip(values).filter(|(column, _)| (**column as usize) < row);
        factor.push(lower.map(|(&column, value)| (column, value / diagonal[column as usize])), pivot);
    }
    Ok(factor)
}
