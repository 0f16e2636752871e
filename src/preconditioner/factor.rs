//! A sparse symmetric factorisation of a rank's own block, and the solves with it.

use super::preconditioner::Preconditioner;
use crate::comm::Comm;
use crate::distributed::LocalRows;
use crate::operator::ROWS_BETWEEN_POLLS;

/// M = L D Lᵀ with L unit lower triangular. Nothing here communicates; a solve lets the sum in flight advance.
pub(super) struct Factor {
    comm: Comm,
    /// The rows of L below its diagonal.
    lower: LocalRows,
    inverse_pivots: Vec<f64>,
}

impl Factor {
    /// No rows yet.
    pub(super) fn new(comm: &Comm) -> Factor {
        let lower = LocalRows::new();
        Factor { comm: comm.clone(), lower, inverse_pivots: Vec::new() }
    }

    /// Appends a row of L, columns increasing, and its pivot.
    pub(super) fn push(&mut self, row: impl IntoIterator<Item = (u32, f64)>, pivot: f64) {
        for (column, value) in row {
            self.lower.columns.push(column);
            self.lower.values.push(value);
        }
        self.lower.starts.push(self.lower.columns.len());
        self.inverse_pivots.push(1.0 / pivot);
    }

    /// Row `row` of L below its diagonal.
    pub(super) fn row(&self, row: usize) -> (&[u32], &[f64]) {
        self.lower.row(row)
    }

    /// 1 / D(row).
    pub(super) fn inverse_pivot(&self, row: usize) -> f64 {
        self.inverse_pivots[row]
    }

    fn poll(&self, row: usize) {
        if row % ROWS_BETWEEN_POLLS == ROWS_BETWEEN_POLLS - 1 {
            self.comm.poll();
        }
    }

    /// z = M⁻¹ r for K vectors side by side: L is read once forwards and once backwards.
    fn solve<const K: usize>(&self, r: &[[f64; K]], z: &mut [[f64; K]]) {
        for (row, r) in r.iter().enumerate() {
            let (columns, values) = self.lower.row(row);
            let mut sum = *r;
            for (&column, &value) in columns.iter().zip(values) {
                let z = z[column as usize];
                for k in 0..K {
                    sum[k] -= value * z[k];
                }
            }
            z[row] = sum;
            self.poll(row);
        }
        for (z, inverse_pivot) in z.iter_mut().zip(&self.inverse_pivots) {
            *z = z.map(|z| z * inverse_pivot);
        }
        // The rows of L are the columns of Lᵀ: an unknown, once known, leaves the rows above.
        for row in (0..r.len()).rev() {
            let (columns, values) = self.lower.row(row);
            let known = z[row];
            for (&column, &value) in columns.iter().zip(values) {
                let z = &mut z[column as usize];
                for k in 0..K {
                    z[k] -= value * known[k];
                }
            }
            self.poll(row);
        }
    }
}

impl Preconditioner for Factor {
    fn apply(&mut self, r: &[f64], z: &mut [f64]) {
        self.solve::<1>(bytemuck::cast_slice(r), bytemuck::cast_slice_mut(z));
    }

    fn apply_pair(&mut self, r: &[[f64; 2]], z: &mut [[f64; 2]]) {
        self.solve(r, z);
    }
}
