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
