//! A matrix times a power of two.

use super::operator::Operator;
use crate::distributed::{Layout, LocalRows};
use crate::exponent::power_of_two;
use crate::vector::Partial;
use std::ops::Range;

/// 2^−e A for the time of a solve: vectors are multiplied by 2^(−e/2) before a product and after it, so that no number on
/// the way is farther from 1 than it has to be. A copy of x per product; never swept.
pub(crate) struct Scaled<'a> {
    inner: &'a mut dyn Operator,
    /// 2^(−e/2).
    half: f64,
    single: [Vec<f64>; 2],
    pair: [Vec<[f64; 2]>; 2],
}

impl<'a> Scaled<'a> {
    /// With e = `exponent`, an even number.
    pub(crate) fn new(inner: &'a mut dyn Operator, exponent: i32) -> Scaled<'a> {
        assert!(exponent % 2 == 0, "a power of two with an exact square root");
        Scaled { inner, half: power_of_two(-exponent / 2), single: Default::default(), pair: Default::default() }
    }
}

/// `to` = `factor` · `from`.
pub(crate) fn scale_into<const K: usize>(to: &mut Vec<[f64; K]>, factor: f64, from: &[[f64; K]]) {
    to.clear();
    to.extend(from.iter().map(|from| from.map(|from| factor * from)));
}

/// The same of single numbers.
pub(crate) fn scale_each_into(to: &mut Vec<f64>, factor: f64, from: &[f64]) {
    to.clear();
    to.extend(from.iter().map(|from| factor * from));
}

impl Operator for Scaled<'_> {
    fn layout(&self) -> &Layout {
        self.inner.layout()
    }

    fn apply_with(&mut self, x: &[f64], y: &mut [f64], each: &mut dyn FnMut(Range<usize>, &[f64])) {
        let Scaled { inner, half, single: [scaled, block], .. } = self;
        scale_each_into(scaled, *half, x);
        inner.apply_with(scaled, y, &mut |rows, y| {
            scale_each_into(block, *half, y);
            each(rows, block);
        });
        y.iter_mut().for_each(|y| *y *= *half);
    }

    fn apply_pair(&mut self, x: &[[f64; 2]], y: &mut [[f64; 2]]) {
        let Scaled { inner, half, pair: [scaled, _], .. } = self;
        scale_into(scaled, *half, x);
        inner.apply_pair(scaled, y);
        y.as_flattened_mut().iter_mut().for_each(|y| *y *= *half);
    }

    fn apply_pair_summing(
        &mut self,
        x: &[[f64; 2]],
        y: &mut [[f64; 2]],
        sums: &mut [Partial],
        meanwhile: &mut dyn FnMut(&[[f64; 2]]),
    ) {
        let Scaled { inner, half, pair: [scaled, products], .. } = self;
        scale_into(scaled, *half, x);
        inner.apply_pair_summing(scaled, y, sums, &mut |y| {
            scale_into(products, *half, y);
            meanwhile(products);
        });
        y.copy_from_slice(products);
    }

    fn apply_summing(
        &mut self,
        prepare: &mut dyn FnMut(&mut [f64]),
        x: &mut [f64],
        y: &mut [f64],
        sums: &mut [Partial],
        meanwhile: &mut dyn FnMut(&[f64]),
    ) {
        let Scaled { inner, half, single: [scaled, products], .. } = self;
        scaled.resize(x.len(), 0.0);
        let mut prepare_scaled = |scaled: &mut [f64]| {
            prepare(x);
            scaled.iter_mut().zip(&*x).for_each(|(scaled, x)| *scaled = *half * x);
        };
        inner.apply_summing(&mut prepare_scaled, scaled, y, sums, &mut |y| {
            scale_each_into(products, *half, y);
            meanwhile(products);
        });
        y.copy_from_slice(products);
    }

    fn each_block(&self, each: &mut dyn FnMut(Range<usize>)) {
        self.inner.each_block(each);
    }

    fn diagonal(&self) -> Vec<f64> {
        self.inner.diagonal().into_iter().map(|entry| self.half * entry * self.half).collect()
    }

    fn own_block(&self) -> LocalRows {
        let mut block = self.inner.own_block();
        block.values.iter_mut().for_each(|value| *value = self.half * *value * self.half);
        block
    }

    fn norm_infinity(&self) -> f64 {
        self.half * self.inner.norm_infinity() * self.half
    }

    fn bytes_per_pass(&self, vectors: usize) -> u64 {
        self.inner.bytes_per_pass(vectors)
    }

    fn stored_entries(&self) -> u64 {
        self.inner.stored_entries()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comm::Comm;
    use crate::distributed::rows_to_owners;
    use crate::operator::DistMatrix;
    use crate::partition::{self, Partition};
    use crate::problem::{Problem, Rows};

    /// A chain of 40 rows.
    fn chain(unit: f64) -> DistMatrix {
        let comm = Comm::alone();
        let mut rows = Rows::new();
        for row in 0..40u64 {
            let columns = row.saturating_sub(1)..(row + 2).min(40);
            rows.push(row, columns.map(|column| (column, if column == row { 2.5 * unit } else { -unit })));
        }
        let problem = Problem::Matrix(40, rows);
        let owners = partition::assign(&comm, &problem, &Partition::Blocks).unwrap();
        DistMatrix::new(&comm, 40, rows_to_owners(&comm, &problem, &owners), &owners)
    }

    #[test]
    fn everything_is_that_of_the_scaled_matrix() {
        let (mut plain, mut huge) = (chain(1.0), chain(power_of_two(200)));
        let bytes = huge.bytes_per_pass(2);
        let mut scaled = Scaled::new(&mut huge, 200);
        assert_eq!(scaled.diagonal(), plain.diagonal());
        assert_eq!(scaled.own_block().values, plain.own_block().values);
        assert_eq!(scaled.norm_infinity(), plain.norm_infinity());
        assert_eq!((scaled.bytes_per_pass(2), scaled.stored_entries()), (bytes, plain.stored_entries()));
        let x: Vec<[f64; 2]> = (0..40).map(|row| [1.0 / (row as f64 + 3.0), f64::from(row)]).collect();
        let (mut y, mut expected) = (x.clone(), x.clone());
        scaled.apply_pair(&x, &mut y);
        plain.apply_pair(&x, &mut expected);
        assert_eq!(y, expected);
    }
}
