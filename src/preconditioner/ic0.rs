//! Incomplete Cholesky without fill.

use super::factor::Factor;
use super::jacobi::positive_diagonal;
use super::preconditioner::Preconditioner;
use crate::comm::{Comm, Op};
use crate::distributed::LocalRows;
use crate::error::{Error, ExitCode, Result};
use crate::operator::Operator;

/// The first shift that is tried when a pivot is not positive, and how the next ones follow.
const FIRST_SHIFT: f64 = 1e-3;
const SHIFT_GROWTH: f64 = 10.0;
/// A matrix that needs more is not nearly positive definite.
const LAST_SHIFT: f64 = 1e6;

/// M = L D Lᵀ of each rank's own block, L with the pattern of the block's lower triangle: IC(0),
/// Meijerink & van der Vorst (Math. Comp. 31, 1977), written without square roots.
///
/// The block of a positive definite matrix can still give a pivot ≤ 0 (Kershaw 1978). Then the
/// factorisation starts again with its diagonal enlarged by a share σ of itself (Manteuffel, Math.
/// Comp. 34, 1980), σ growing until it goes through; [`note`](Preconditioner::note) says so.
///
/// Does not communicate. Couplings between ranks are left out of M, so it depends on the partition,
/// and on the order of a rank's rows.
pub struct Ic0 {
    factor: Factor,
    note: Option<String>,
}

impl Ic0 {
    /// From the own blocks of `a`. Collective.
    ///
    /// # Errors
    /// When a rank's block has no positive diagonal, or no shift helps; the same on every rank.
    pub fn new(a: &dyn Operator) -> Result<Ic0> {
        let comm = a.layout().comm();
        let (factor, shift) =
            comm.agree(positive_diagonal(a).and_then(|diagonal| shifted(comm, &a.own_block(), &diagonal)))?;
        Ok(Ic0 { factor, note: note(comm, shift) })
    }
}

/// The factor, and the shift it took.
fn shifted(comm: &Comm, block: &LocalRows, diagonal: &[f64]) -> Result<(Factor, f64)> {
    let mut shift = 0.0;
    while shift <= LAST_SHIFT {
        if let Some(factor) = factorize(comm, block, diagonal, shift) {
            return Ok((factor, shift));
        }
        shift = if shift > 0.0 { SHIFT_GROWTH * shift } else { FIRST_SHIFT };
    }
    Err(Error::new(
        ExitCode::Preconditioner,
        format!(
            "IC(0) breaks down even with the diagonal enlarged by a factor {LAST_SHIFT:e}: use --pc jacobi, or check the matrix"
        ),
    ))
}

/// IC(0) of A + σ diag(A); none if a pivot is not positive.
fn factorize(comm: &Comm, block: &LocalRows, diagonal: &[f64], shift: f64) -> Option<Factor> {
    let mut factor = Factor::new(comm);
    // The current row of L D where the pattern has it, zero elsewhere.
    let mut scaled = vec![0.0; diagonal.len()];
    for (row, &entry) in diagonal.iter().enumerate() {
        let (columns, values) = block.row(row);
        let lower = || columns.iter().zip(values).map(|(&c, &value)| (c as usize, value)).take_while(|(c, _)| *c < row);
        let mut pivot = entry * (1.0 + shift);
        for (column, value) in lower() {
            let (earlier, l) = factor.row(column);
            let dot: f64 = earlier.iter().zip(l).map(|(&k, l)| l * scaled[k as usize]).sum();
            scaled[column] = value - dot;
            // The square alone might over- or underflow.
            pivot -= scaled[column] * (scaled[column] * factor.inverse_pivot(column));
        }
        // Of a pivot this small rounding has left no digit.
        if !(pivot > f64::EPSILON * entry && pivot.is_finite()) {
            return None;
        }
        let l: Vec<(u32, f64)> =
            lower().map(|(column, _)| (column as u32, scaled[column] * factor.inverse_pivot(column))).collect();
        factor.push(l, pivot);
        lower().for_each(|(column, _)| scaled[column] = 0.0);
    }
    Some(factor)
}

/// One line for all ranks, if any of them had to shift. Collective.
fn note(comm: &Comm, shift: f64) -> Option<String> {
    let ranks = comm.reduced(Op::Sum, u64::from(shift > 0.0));
    let mut largest = [shift];
    comm.reduce_f64(Op::Max, &mut largest);
    let [largest] = largest;
    let size = comm.size();
    (ranks > 0).then(|| format!("IC(0): diagonal shifted by up to {largest:e} of itself on {ranks} of {size} ranks"))
}

impl Preconditioner for Ic0 {
    fn apply(&mut self, r: &[f64], z: &mut [f64]) {
        self.factor.apply(r, z);
    }

    fn apply_pair(&mut self, r: &[[f64; 2]], z: &mut [[f64; 2]]) {
        self.factor.apply_pair(r, z);
    }

    fn note(&self) -> Option<String> {
        self.note.clone()
    }
}
