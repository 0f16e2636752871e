//! What a Krylov method asks of a matrix.

use crate::distributed::{Layout, LocalRows};

/// A symmetric positive definite matrix, distributed by rows. Every method but `layout`,
/// `diagonal`, `own_block` and the cost figures is collective.
pub trait Operator {
    /// Who owns which rows; all vectors have `layout().len()` entries on this rank.
    fn layout(&self) -> &Layout;

    /// y = A x on owned rows.
    fn apply(&mut self, x: &[f64], y: &mut [f64]);

    /// Two products in one pass over A and one exchange; the vectors side by side, `x[row] = [first, second]`.
    fn apply_pair(&mut self, x: &[[f64; 2]], y: &mut [[f64; 2]]);

    /// Two products in one pass over A and one exchange (one message per neighbour carries both
    /// vectors), while the global sum of `sums` is in flight: on return `sums` holds the sums over
    /// all ranks of what it held before, word by word.
    ///
    /// `x` and `y` hold the two vectors side by side, `x[row] = [first, second]`. `meanwhile` gets
    /// `y` once it is complete: work that may still hide the sum.
    fn apply_pair_summing(
        &mut self,
        x: &[[f64; 2]],
        y: &mut [[f64; 2]],
        sums: &mut [f64],
        meanwhile: &mut dyn FnMut(&[[f64; 2]]),
    );

    /// One product while the global sum of `sums` is in flight; `sums` as above. `prepare` fills `x`
    /// when the sum has been started, `meanwhile` gets `y` when it is complete: work that hides the sum.
    fn apply_summing(
        &mut self,
        prepare: &mut dyn FnMut(&mut [f64]),
        x: &mut [f64],
        y: &mut [f64],
        sums: &mut [f64],
        meanwhile: &mut dyn FnMut(&[f64]),
    );

    /// The diagonal, on owned rows.
    fn diagonal(&self) -> Vec<f64>;

    /// The block of owned rows and owned columns, columns increasing within a row.
    fn own_block(&self) -> LocalRows;

    /// The same matrix once more, for a preconditioner that multiplies with it while a method's sum
    /// is in flight: entries shared, exchange and profile its own. None where a product is itself a
    /// sum over all ranks. Collective.
    fn share(&self) -> Option<Box<dyn Operator>> {
        None
    }

    /// The largest sum of magnitudes in an owned row: this rank's part of ‖A‖_∞.
    fn norm_infinity(&self) -> f64;

    /// Bytes that a pass over this rank's rows must move from memory for `vectors` products at
    /// once: the matrix, the vectors read and written; each once.
    fn bytes_per_pass(&self, vectors: usize) -> u64;

    /// Stored entries on this rank.
    fn stored_entries(&self) -> u64;
}
