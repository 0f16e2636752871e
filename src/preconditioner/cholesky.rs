//! Exact Cholesky factorisation of a rank's own block, by the crate faer.

use super::preconditioner::Preconditioner;
use crate::comm::Comm;
use crate::error::{Error, ExitCode, Result};
use crate::operator::Operator;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::sparse::linalg::cholesky::{LltRef, SymbolicCholesky, SymmetricOrdering, factorize_symbolic_cholesky};
use faer::sparse::{SparseColMatRef, SymbolicSparseColMatRef};
use faer::{Conj, MatMut, Par, Side};

/// M = each rank's own block, exactly: L Lᵀ with the rows in approximate minimum degree order
/// (Amestoy, Davis & Duff, SIAM J. Matrix Anal. Appl. 17, 1996) and, where it pays, dense blocks of
/// columns (Ng & Peyton, SIAM J. Sci. Comput. 14, 1993). Its memory is that of the fill.
///
/// Does not communicate. Couplings between ranks are left out of M, so it depends on the partition;
/// on one rank M = A.
pub struct Cholesky {
    symbolic: SymbolicCholesky<usize>,
    values: Vec<f64>,
    workspace: MemBuffer,
}

impl Cholesky {
    /// From the own block of `a`.
    ///
    /// # Errors
    /// On a rank whose block is not positive definite or whose factor does not fit into memory:
    /// close with [`Comm::agree`].
    pub fn new(a: &dyn Operator) -> Result<Cholesky> {
        let comm = a.layout().comm();
        let block = a.own_block();
        let n = a.layout().len();
        // Symmetric: the rows are the columns.
        let rows: Vec<usize> = block.columns.iter().map(|&column| column as usize).collect();
        let pattern = SymbolicSparseColMatRef::new_checked(n, n, &block.starts, None, &rows);
        let too_large = || failed(comm, n, "has a factor too large for memory: use --sub-pc ic0, or more ranks");
        let symbolic = factorize_symbolic_cholesky(pattern, Side::Lower, SymmetricOrdering::Amd, Default::default())
            .map_err(|_| too_large())?;
        let mut values = Vec::new();
        values.try_reserve_exact(symbolic.len_val()).map_err(|_| too_large())?;
        values.resize(symbolic.len_val(), 0.0);
        let scratch = symbolic.factorize_numeric_llt_scratch::<f64>(Par::Seq, Default::default());
        symbolic
            .factorize_numeric_llt(
                &mut values,
                SparseColMatRef::new(pattern, &block.values),
                Side::Lower,
                Default::default(),
                Par::Seq,
                MemStack::new(&mut MemBuffer::new(scratch)),
                Default::default(),
            )
            .map_err(|_| {
                failed(
                    comm,
                    n,
                    "is not positive definite numerically: check the matrix, or use --sub-pc ic0, which shifts its diagonal",
                )
            })?;
        let workspace = MemBuffer::new(symbolic.solve_in_place_scratch::<f64>(2, Par::Seq));
        Ok(Cholesky { symbolic, values, workspace })
    }

    /// `x` holds r and afterwards z, `vectors` of them side by side.
    fn solve(&mut self, x: &mut [f64], vectors: usize) {
        let x = MatMut::from_row_major_slice_mut(x, self.symbolic.nrows(), vectors);
        let factor = LltRef::new(&self.symbolic, &self.values);
        factor.solve_in_place_with_conj(Conj::No, x, Par::Seq, MemStack::new(&mut self.workspace));
    }
}

fn failed(comm: &Comm, rows: usize, how: &str) -> Error {
    let message = format!("--sub-pc cholesky: the block of rank {} ({rows} rows) {how}", comm.rank());
    Error::new(ExitCode::Preconditioner, message)
}

impl Preconditioner for Cholesky {
    fn apply(&mut self, r: &[f64], z: &mut [f64]) {
        z.copy_from_slice(r);
        self.solve(z, 1);
    }

    fn apply_pair(&mut self, r: &[[f64; 2]], z: &mut [[f64; 2]]) {
        z.copy_from_slice(r);
        self.solve(z.as_flattened_mut(), 2);
    }
}
