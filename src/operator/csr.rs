//! A sparse matrix in compressed rows, one share per rank.

use super::operator::Operator;
use crate::comm::{Comm, Phase};
use crate::distributed::{Halo, HaloPlan, Layout, LocalRows, localize};
use crate::partition::Owners;
use crate::problem::Rows;
use crate::vector::blocks;
use std::ops::Range;
use std::rc::Rc;

/// Rows multiplied between two polls of the sum in flight.
pub(crate) const ROWS_BETWEEN_POLLS: usize = 8192;

/// The owned rows of a sparse symmetric matrix, with the halo that their products need.
pub struct DistMatrix {
    layout: Layout,
    rows: Rc<LocalRows>,
    plan: Rc<HaloPlan>,
    single: Halo<1>,
    pair: Halo<2>,
}

impl DistMatrix {
    /// From the rows this rank owns, with global columns: numbers them and plans the halo. Collective.
    pub fn new(comm: &Comm, n: u64, owned: Rows, owners: &Owners) -> DistMatrix {
        let (layout, rows, plan) = localize(comm, n, owned, owners);
        DistMatrix::with_halo(layout, Rc::new(rows), Rc::new(plan))
    }

    /// Makes the channels of the exchange. Collective.
    fn with_halo(layout: Layout, rows: Rc<LocalRows>, plan: Rc<HaloPlan>) -> DistMatrix {
        let (single, pair) = (Halo::new(layout.comm(), &plan), Halo::new(layout.comm(), &plan));
        DistMatrix { layout, rows, plan, single, pair }
    }

    /// The plan of the halo exchange.
    pub fn plan(&self) -> &HaloPlan {
        &self.plan
    }

    /// The owned rows with local columns.
    pub fn rows(&self) -> &LocalRows {
        &self.rows
    }
}

impl LocalRows {
    /// y = A x for rows that touch owned columns only.
    fn multiply_interior<const K: usize>(&self, rows: Range<usize>, x: &[[f64; K]], y: &mut [[f64; K]]) {
        for row in rows {
            let entries = self.starts[row]..self.starts[row + 1];
            let mut sum = [0.0; K];
            for (&column, &value) in self.columns[entries.clone()].iter().zip(&self.values[entries]) {
                let x = x[column as usize];
                for k in 0..K {
                    sum[k] += value * x[k];
                }
            }
            y[row] = sum;
        }
    }

    /// y = A x for rows that may touch ghosts: columns from `x.len()` on.
    fn multiply_boundary<const K: usize>(
        &self,
        rows: Range<usize>,
        x: &[[f64; K]],
        ghosts: &[[f64; K]],
        y: &mut [[f64; K]],
    ) {
        for row in rows {
            let entries = self.starts[row]..self.starts[row + 1];
            let mut sum = [0.0; K];
            for (&column, &value) in self.columns[entries.clone()].iter().zip(&self.values[entries]) {
                let column = column as usize;
                let x = if column < x.len() { x[column] } else { ghosts[column - x.len()] };
                for k in 0..K {
                    sum[k] += value * x[k];
                }
            }
            y[row] = sum;
        }
    }
}

/// One pass over the rows: interior ones while ghosts travel, `poll` called now and then.
fn pass<const K: usize>(
    layout: &Layout,
    rows: &LocalRows,
    halo: &mut Halo<K>,
    x: &[[f64; K]],
    y: &mut [[f64; K]],
    poll: impl Fn(),
) where
    [f64; K]: bytemuck::Pod,
{
    assert!(x.len() == layout.len() && y.len() == layout.len(), "vectors have one entry per owned row");
    let comm = layout.comm();
    halo.start(x);
    comm.timed(Phase::Product, || {
        for block in blocks(layout.interior(), ROWS_BETWEEN_POLLS) {
            rows.multiply_interior(block, x, y);
            poll();
        }
    });
    let ghosts = halo.finish();
    comm.timed(Phase::Product, || rows.multiply_boundary(layout.interior()..layout.len(), x, ghosts, y));
    comm.profile().count(|counts| {
        counts.passes += 1;
        counts.products += K as u64;
        counts.product_bytes += bytes_per_pass(rows, halo.ghosts(), K);
    });
}

/// The matrix once, each vector read (ghosts too) and written once.
fn bytes_per_pass(rows: &LocalRows, ghosts: usize, vectors: usize) -> u64 {
    let (len, entries) = (rows.starts.len() - 1, rows.values.len());
    let matrix = entries * (size_of::<u32>() + size_of::<f64>()) + len * size_of::<usize>();
    (matrix + vectors * size_of::<f64>() * (2 * len + ghosts)) as u64
}

impl Operator for DistMatrix {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn apply(&mut self, x: &[f64], y: &mut [f64]) {
        let DistMatrix { layout, rows, single, .. } = self;
        pass(layout, rows, single, bytemuck::cast_slice(x), bytemuck::cast_slice_mut(y), || layout.comm().poll());
    }

    fn apply_pair(&mut self, x: &[[f64; 2]], y: &mut [[f64; 2]]) {
        let DistMatrix { layout, rows, pair, .. } = self;
        pass(layout, rows, pair, x, y, || layout.comm().poll());
    }

    fn apply_pair_summing(
        &mut self,
        x: &[[f64; 2]],
        y: &mut [[f64; 2]],
        sums: &mut [f64],
        meanwhile: &mut dyn FnMut(&[[f64; 2]]),
    ) {
        let DistMatrix { layout, rows, pair, .. } = self;
        let sum = layout.comm().start_sum(sums);
        pass(layout, rows, pair, x, y, || sum.poll());
        meanwhile(y);
        sum.finish(sums);
    }

    fn apply_summing(
        &mut self,
        prepare: &mut dyn FnMut(&mut [f64]),
        x: &mut [f64],
        y: &mut [f64],
        sums: &mut [f64],
        meanwhile: &mut dyn FnMut(&[f64]),
    ) {
        let DistMatrix { layout, rows, single, .. } = self;
        let sum = layout.comm().start_sum(sums);
        prepare(x);
        pass(layout, rows, single, bytemuck::cast_slice(x), bytemuck::cast_slice_mut(y), || sum.poll());
        meanwhile(y);
        sum.finish(sums);
    }

    fn diagonal(&self) -> Vec<f64> {
        let entry = |row: usize| {
            let (columns, values) = self.rows.row(row);
            let at = columns.iter().position(|&column| column as usize == row);
            at.map_or(0.0, |at| values[at])
        };
        (0..self.layout.len()).map(entry).collect()
    }

    fn own_block(&self) -> LocalRows {
        let mut block = LocalRows { starts: vec![0], ..LocalRows::default() };
        let mut entries = Vec::new();
        for row in 0..self.layout.len() {
            let (columns, values) = self.rows.row(row);
            let owned = |&(&column, _): &(&u32, &f64)| (column as usize) < self.layout.len();
            entries.clear();
            entries.extend(columns.iter().zip(values).filter(owned));
            entries.sort_unstable_by_key(|(column, _)| **column);
            block.columns.extend(entries.iter().map(|(column, _)| **column));
            block.values.extend(entries.iter().map(|(_, value)| **value));
            block.starts.push(block.columns.len());
        }
        block
    }

    fn share(&self) -> Option<Box<dyn Operator>> {
        let layout = self.layout.with_comm(self.layout.comm().with_own_profile());
        Some(Box::new(DistMatrix::with_halo(layout, self.rows.clone(), self.plan.clone())))
    }

    fn norm_infinity(&self) -> f64 {
        let LocalRows { starts, values, .. } = &*self.rows;
        let sum = |row: &[usize]| values[row[0]..row[1]].iter().map(|value| value.abs()).sum();
        starts.windows(2).map(sum).fold(0.0, f64::max)
    }

    fn bytes_per_pass(&self, vectors: usize) -> u64 {
        bytes_per_pass(&self.rows, self.plan.ghosts(), vectors)
    }

    fn stored_entries(&self) -> u64 {
        self.rows.values.len() as u64
    }
}
