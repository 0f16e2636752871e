//! What a Krylov method asks of a matrix.

use crate::distributed::{Layout, LocalRows};
use crate::vector::Partial;
use std::ops::Range;

/// A symmetric positive definite matrix, distributed by rows. Every method but `layout`,
/// `diagonal`, `own_block` and the cost figures is collective.
pub trait Operator {
    /// Who owns which rows; all vectors have `layout().len()` entries on this rank.
    fn layout(&self) -> &Layout;

    /// y = A x on owned rows.
    fn apply(&mut self, x: &[f64], y: &mut [f64]) {
        self.apply_with(x, y, &mut |_, _| ());
    }

    /// The same; `each` gets every block of rows of y when it is complete, and still in cache.
    fn apply_with(&mut self, x: &[f64], y: &mut [f64], each: &mut dyn FnMut(Range<usize>, &[f64]));

    /// Two products in one pass over A and one exchange; the vectors side by side, `x[row] = [first, second]`.
    fn apply_pair(&mut self, x: &[[f64; 2]], y: &mut [[f64; 2]]);

    /// Two products in one pass over A and one exchange (one message per neighbour carries both
    /// vectors), while the global sum of `sums` is in flight: on return `sums` holds the sums over
    /// all ranks of what it held before, one by one.
    ///
    /// `x` and `y` hold the two vectors side by side, `x[row] = [first, second]`. `meanwhile` gets
    /// `y` once it is complete: work that may still hide the sum.
    fn apply_pair_summing(
        &mut self,
        x: &[[f64; 2]],
        y: &mut [[f64; 2]],
        sums: &mut [Partial],
        meanwhile: &mut dyn FnMut(&[[f64; 2]]),
    );

    /// One product while the global sum of `sums` is in flight; `sums` as above. `prepare` fills `x`
    /// when the sum has been started, `meanwhile` gets `y` when it is complete: work that hides the sum.
    fn apply_summing(
        &mut self,
        prepare: &mut dyn FnMut(&mut [f64]),
        x: &mut [f64],
        y: &mut [f64],
        sums: &mut [Partial],
        meanwhile: &mut dyn FnMut(&[f64]),
    );

    /// The owned rows, block by block in the order in which [`OneSweep::sweep`] hands them out: inner
    /// products that are added up in this order have the same bits with it and without.
    fn each_block(&self, each: &mut dyn FnMut(Range<usize>)) {
        each(0..self.layout().len());
    }

    /// The operator as one that is to be swept, if it is: see [`OneSweep`].
    fn one_sweep(&mut self) -> Option<&mut dyn OneSweep> {
        None
    }

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

/// Work on a block of rows: their numbers, their part of x, and their products.
pub type EachBlock<'a, T> = dyn FnMut(Range<usize>, &mut [T], &[T]) + 'a;

/// A product in two steps, for the one method whose iteration can be a single pass over memory:
/// everything that waits for other ranks, and then products and updates together.
pub trait OneSweep {
    /// The global sum of `sums` and the exchange of ghosts of the pairs `x`, both in flight at the
    /// same time and both complete on return. Collective.
    fn exchange_summing(&mut self, x: &[[f64; 2]], sums: &mut [Partial]);

    /// For every block of rows, in an order of the operator's: its products A x, and its part of `x`,
    /// which may be overwritten: no product needs it any more. `x` is as it was in `exchange_summing`
    /// to begin with. Does not communicate.
    fn sweep(&mut self, x: &mut [[f64; 2]], each: &mut EachBlock<[f64; 2]>);
}
