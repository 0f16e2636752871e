//! The dense diagonal model problem, its columns dealt to the ranks as in the published tutorial.
//!
//! With a column block, a product of the *whole* vector is a sum over all ranks: the halo is an
//! Allreduce of n words. The pair product sends both partial products and the partial inner
//! products in one of 2n + k words.

use super::operator::Operator;
use crate::comm::{Comm, Phase};
use crate::distributed::{Layout, LocalRows};
use crate::problem::Spectrum;
use crate::vector::{Partial, Summation};
use ndarray::{Array2, ArrayView2};
use std::ops::Range;

/// This rank's columns of the dense matrix: n × owned rows.
pub struct DenseColumns {
    layout: Layout,
    columns: Array2<f64>,
    /// Partial products, then partial inner products; afterwards the sums.
    words: Vec<f64>,
}

impl DenseColumns {
    /// Fills this rank's columns. Memory: n²/P doubles per rank.
    ///
    /// # Panics
    /// If inner products are to be reproducible: the products themselves are plain sums over the ranks here.
    pub fn new(comm: &Comm, spectrum: &Spectrum) -> DenseColumns {
        assert_eq!(comm.summation(), Summation::Plain, "products of the dense model problem are plain sums");
        let layout = Layout::even(comm, spectrum.n);
        let mut columns = Array2::from_elem((spectrum.n as usize, layout.len()), Spectrum::EVERYWHERE);
        for (local, &row) in layout.rows().iter().enumerate() {
            columns[[row as usize, local]] += spectrum.eigenvalue(row);
        }
        DenseColumns { layout, columns, words: Vec::new() }
    }

    /// The rows of this rank in a vector of all rows.
    fn own(&self) -> std::ops::Range<usize> {
        let first = self.layout.rows().first().map_or(0, |&row| row as usize);
        first..first + self.layout.len()
    }

    /// Sums `words` = K partial products of all rows, row by row, followed by `sums`.
    fn reduce_products<const K: usize>(&mut self, x: &[[f64; K]], y: &mut [[f64; K]], sums: &mut [Partial])
    where
        [f64; K]: bytemuck::Pod,
    {
        let n = self.layout.n() as usize;
        self.words.resize(K * n, 0.0);
        let comm = self.layout.comm().clone();
        comm.timed(Phase::Product, || {
            let x = ArrayView2::from_shape((x.len(), K), bytemuck::cast_slice(x)).expect("K values per row");
            multiply::<K>(&self.columns, x, &mut self.words);
        });
        comm.profile().count(|counts| {
            counts.passes += 1;
            counts.products += K as u64;
            counts.product_bytes += self.bytes_per_pass(K);
        });
        self.words.extend(sums.iter().map(|partial| partial.value()));
        comm.sum(&mut self.words);
        let products: &[[f64; K]] = bytemuck::cast_slice(&self.words[..K * n]);
        y.copy_from_slice(&products[self.own()]);
        sums.iter_mut().zip(&self.words[K * n..]).for_each(|(sum, &word)| *sum = Partial::Plain(word));
    }
}

/// y = A x for K vectors side by side, A read once.
fn multiply<const K: usize>(a: &Array2<f64>, x: ArrayView2<f64>, y: &mut [f64]) {
    for (row, y) in a.rows().into_iter().zip(y.chunks_exact_mut(K)) {
        // Sixteen independent sums per vector, or the latency of the additions decides.
        let mut lanes = [[0.0; 16]; K];
        let row = row.as_slice().expect("rows are contiguous");
        let x = x.as_slice().expect("vectors are contiguous");
        let (blocks, x_blocks) = (row.chunks_exact(16), x.chunks_exact(16 * K));
        let tail = blocks.remainder().iter().zip(x_blocks.remainder().chunks_exact(K));
        for (a, x) in blocks.zip(x_blocks) {
            for lane in 0..16 {
                for k in 0..K {
                    lanes[k][lane] += a[lane] * x[K * lane + k];
                }
            }
        }
        for k in 0..K {
            y[k] = lanes[k].iter().sum();
        }
        for (a, x) in tail {
            for k in 0..K {
                y[k] += a * x[k];
            }
        }
    }
}

impl Operator for DenseColumns {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn apply_with(&mut self, x: &[f64], y: &mut [f64], each: &mut dyn FnMut(Range<usize>, &[f64])) {
        self.reduce_products::<1>(bytemuck::cast_slice(x), bytemuck::cast_slice_mut(y), &mut []);
        each(0..y.len(), y);
    }

    fn apply_pair(&mut self, x: &[[f64; 2]], y: &mut [[f64; 2]]) {
        self.reduce_products(x, y, &mut []);
    }

    /// Nothing is hidden here: the products themselves are in the sum, so `meanwhile` follows it.
    fn apply_pair_summing(
        &mut self,
        x: &[[f64; 2]],
        y: &mut [[f64; 2]],
        sums: &mut [Partial],
        meanwhile: &mut dyn FnMut(&[[f64; 2]]),
    ) {
        self.reduce_products(x, y, sums);
        meanwhile(y);
    }

    fn apply_summing(
        &mut self,
        prepare: &mut dyn FnMut(&mut [f64]),
        x: &mut [f64],
        y: &mut [f64],
        sums: &mut [Partial],
        meanwhile: &mut dyn FnMut(&[f64]),
    ) {
        prepare(x);
        self.reduce_products::<1>(bytemuck::cast_slice(x), bytemuck::cast_slice_mut(y), sums);
        meanwhile(y);
    }

    fn diagonal(&self) -> Vec<f64> {
        self.own().enumerate().map(|(local, row)| self.columns[[row, local]]).collect()
    }

    /// The diagonal alone. The entries beside it, [`Spectrum::EVERYWHERE`], are left out: they are far
    /// below rounding against the diagonal, and factors of a full block would cost n³.
    fn own_block(&self) -> LocalRows {
        let len = self.layout.len();
        LocalRows { starts: (0..=len).collect(), columns: (0..len as u32).collect(), values: self.diagonal() }
    }

    fn norm_infinity(&self) -> f64 {
        // By symmetry: columns instead of rows.
        let sum = |column: ndarray::ArrayView1<f64>| column.iter().map(|value| value.abs()).sum();
        self.columns.columns().into_iter().map(sum).fold(0.0, f64::max)
    }

    fn bytes_per_pass(&self, vectors: usize) -> u64 {
        let (n, own) = (self.layout.n() as usize, self.layout.len());
        (size_of::<f64>() * (n * own + vectors * (n + own))) as u64
    }

    fn stored_entries(&self) -> u64 {
        self.columns.len() as u64
    }
}
