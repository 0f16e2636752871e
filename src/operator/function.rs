//! A matrix of which nothing is known but a function that multiplies with it: for users' own operators.

use super::operator::Operator;
use crate::comm::{Comm, Phase};
use crate::distributed::{Halo, HaloPlan, Layout, LocalRows};
use crate::error::{Error, Result};
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
    /// # Errors
    /// A diagonal of another length than `rows`; ghosts that do not increase, are owned here, or are no rows of the matrix;
    /// blocks that leave a gap or overlap, or are not all rows; the same on every rank.
    pub fn new(
        comm: &Comm,
        n: u64,
        rows: Range<u64>,
        ghosts: &[u64],
        diagonal: Vec<f64>,
        product: impl Fn(&[f64], &[f64], &mut [f64]) + 'static,
    ) -> Result<Function> {
        // Of a range that ends before it starts, nothing.
        let owned = rows.end.saturating_sub(rows.start);
        let (before, all) = comm.sum_before(owned);
        let fault = fault(n, &rows, ghosts, diagonal.len(), before, all);
        comm.agree(fault.map_or(Ok(()), |what| Err(Error::usage(format!("rank {}: {what}", comm.rank())))))?;
        let layout = Layout::contiguous(comm, n, rows.clone());
        let plan = HaloPlan::contiguous(comm, n, rows, ghosts);
        Ok(Function::with_halo(layout, Rc::new(Shared { plan, diagonal, product: Box::new(product) })))
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

/// What is wrong with the part of a rank, before which others own `before` of `all` owned rows.
fn fault(n: u64, rows: &Range<u64>, ghosts: &[u64], diagonal: usize, before: u64, all: u64) -> Option<String> {
    let owned = rows.end.saturating_sub(rows.start);
    if owned > 0 && rows.start != before {
        return Some(format!("its rows begin at {}, but {before} rows lie on the ranks before it", rows.start));
    }
    if all != n {
        return Some(format!("the ranks own {all} rows together, the matrix has {n}"));
    }
    if diagonal as u64 != owned {
        return Some(format!("{diagonal} entries of the diagonal for {owned} owned rows"));
    }
    if !ghosts.is_sorted_by(|a, b| a < b) {
        return Some("the numbers of its ghosts do not increase".into());
    }
    let strange = ghosts.iter().find(|&&ghost| ghost >= n || rows.contains(&ghost))?;
    let why = if *strange >= n { format!("no row of {n}, numbered from 0") } else { "its own".into() };
    Some(format!("row {strange} cannot be a ghost here: it is {why}"))
}

impl Operator for Function {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn apply_with(&mut self, x: &[f64], y: &mut [f64], each: &mut dyn FnMut(Range<usize>, &[f64])) {
        let len = self.layout.len();
        assert!(x.len() == len && y.len() == len, "vectors have one entry per owned row");
        self.single.start(bytemuck::cast_slice(x));
        let ghosts: &[f64] = bytemuck::cast_slice(self.single.finish());
        self.layout.comm().timed(Phase::Product, || (self.shared.product)(x, ghosts, y));
        self.count(1);
        each(0..y.len(), y);
    }

    fn apply_pair(&mut self, x: &[[f64; 2]], y: &mut [[f64; 2]]) {
        let Function { layout, shared, pair, apart: [own, others, product], .. } = self;
        assert!(x.len() == layout.len() && y.len() == layout.len(), "vectors have one entry per owned row");
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
