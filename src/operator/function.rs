//! A matrix of which nothing is known but a function that multiplies with it: for users' own operators.

use super::operator::Operator;
use crate::comm::{Comm, Phase};
use crate::distributed::{Halo, HaloPlan, Layout, LocalRows};
use crate::vector::Partial;
use std::ops::Range;
use std::rc::Rc;

/// `y = A x` on this rank's rows: of x it gets the owned entries, and those of the ghosts in the order in which these were
/// named.
pub type Product = dyn Fn(&[f64], &[f64], &mut [f64]);

/// A symmetric positive definite matrix given by its product. Each rank owns consecutive rows, in their own order.
///
/// Two products with one exchange are two calls of the function; an iteration is never a single sweep. Block
/// preconditioners see the diagonal alone.
pub struct Function {
    layout: Layout,
    shared: Rc<Shared>,
    single: Halo<1>,
    pair: Halo<2>,
    /// x, its ghosts, and y, of either vector of a pair.
    apart: [Vec<f64>; 3],
}

struct Shared {
    plan: HaloPlan,
    diagonal: Vec<f64>,
    product: Box<Product>,
}

impl Function {
    /// Of a matrix of `n` rows, of which this rank owns `rows`, whose products need x in the rows `ghosts` of other ranks
    /// too: increasing numbers. The blocks of the ranks follow each other and are all rows together. `diagonal` is that of
    /// the owned rows. Collective.
    ///
    /// # Panics
    /// If the diagonal has another length than `rows`, or the ghosts do not increase or are owned here.
    pub fn new(
        comm: &Comm,
        n: u64,
        rows: Range<u64>,
        ghosts: &[u64],
        diagonal: Vec<f64>,
        product: impl Fn(&[f64], &[f64], &mut [f64]) + 'static,
    ) -> Function {
        assert_eq!(diagonal.len() as u64, rows.end - rows.start, "one entry of the diagonal per owned row");
        let layout = Layout::contiguous(comm, n, rows.clone());
        let plan = HaloPlan::contiguous(comm, n, rows, ghosts);
        Function::with_halo(layout, Rc::new(Shared { plan, diagonal, product: Box::new(product) }))
    }

    /// Makes the channels of the exchange. Collective.
    fn with_halo(layout: Layout, shared: Rc<Shared>) -> Function {
        let (single, pair) = (Halo::new(layout.comm(), &shared.plan), Halo::new(layout.comm(), &shared.plan));
        Function { layout, shared, single, pair, apart: Default::default() }
    }

    fn count(&self, products: usize) {
        self.layout.comm().profile().count(|counts| {
            counts.passes += 1;
            counts.products += products as u64;
            counts.product_bytes += self.bytes_per_pass(products);
        });
    }
}

impl Operator for Function {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn apply_with(&mut self, x: &[f64], y: &mut [f64], each: &mut dyn FnMut(Range<usize>, &[f64])) {
        self.single.start(bytemuck::cast_slice(x));
        let ghosts: &[f64] = bytemuck::cast_slice(self.single.finish());
        self.layout.comm().timed(Phase::Product, || (self.shared.product)(x, ghosts, y));
        self.count(1);
        each(0..y.len(), y);
    }

    fn apply_pair(&mut self, x: &[[f64; 2]], y: &mut [[f64; 2]]) {
        let Function { layout, shared, pair, apart: [own, others, product], .. } = self;
        pair.start(x);
        let ghosts = pair.finish();
        layout.comm().timed(Phase::Product, || {
            product.resize(y.len(), 0.0);
            for k in 0..2 {
                for (to, from) in [(&mut *own, x), (&mut *others, ghosts)] {
                    to.clear();
                    to.extend(from.iter().map(|pair| pair[k]));
                }
                (shared.product)(own, others, product);
                y.iter_mut().zip(product.iter()).for_each(|(y, product)| y[k] = *product);
            }
        });
        self.count(2);
    }

    fn apply_pair_summing(
        &mut self,
        x: &[[f64; 2]],
        y: &mut [[f64; 2]],
        sums: &mut [Partial],
        meanwhile: &mut dyn FnMut(&[[f64; 2]]),
    ) {
        let comm = self.layout.comm().clone();
        let sum = comm.start_sum_of(sums);
        self.apply_pair(x, y);
        meanwhile(y);
        sum.finish_of(sums);
    }

    fn apply_summing(
        &mut self,
        prepare: &mut dyn FnMut(&mut [f64]),
        x: &mut [f64],
        y: &mut [f64],
        sums: &mut [Partial],
        meanwhile: &mut dyn FnMut(&[f64]),
    ) {
        let comm = self.layout.comm().clone();
        let sum = comm.start_sum_of(sums);
        prepare(x);
        self.apply(x, y);
        meanwhile(y);
        sum.finish_of(sums);
    }

    fn diagonal(&self) -> Vec<f64> {
        self.shared.diagonal.clone()
    }

    /// The diagonal alone.
    fn own_block(&self) -> LocalRows {
        let len = self.layout.len();
        LocalRows { starts: (0..=len).collect(), columns: (0..len as u32).collect(), values: self.diagonal() }
    }

    fn share(&self) -> Option<Box<dyn Operator>> {
        let layout = self.layout.with_comm(self.layout.comm().with_own_profile());
        Some(Box::new(Function::with_halo(layout, self.shared.clone())))
    }

    /// Twice the largest entry of the diagonal: an upper bound where it dominates, an estimate elsewhere.
    fn norm_infinity(&self) -> f64 {
        2.0 * self.shared.diagonal.iter().copied().fold(0.0, f64::max)
    }

    /// The vectors alone.
    fn bytes_per_pass(&self, vectors: usize) -> u64 {
        (vectors * size_of::<f64>() * (2 * self.layout.len() + self.shared.plan.ghosts())) as u64
    }

    fn stored_entries(&self) -> u64 {
        0
    }
}
