//! A sparse matrix, one share of its rows per rank.

use super::operator::{EachBlock, OneSweep, Operator};
use super::storage::{Candidates, Format, RunsBuilder, Storage, TABLE};
use super::wavefront::{BLOCK, Wavefront};
use crate::comm::measure::{seconds_per_call, sum_seconds};
use crate::comm::{Comm, Op, Phase};
use crate::distributed::{Halo, HaloPlan, Layout, LocalRows, Ordering, StencilRows, localize, numbers_to_owners};
use crate::error::Result;
use crate::partition::Owners;
use crate::problem::{Rows, Stencil};
use crate::vector::{Partial, blocks};
use std::ops::Range;
use std::rc::Rc;

/// Most rows multiplied between two polls of the sum in flight; a multiple of [`BLOCK`].
pub(crate) const ROWS_BETWEEN_POLLS: usize = 8192;

/// Fewest; a power of two, which divides [`BLOCK`].
const FEWEST_ROWS_BETWEEN_POLLS: usize = 128;

/// What a poll may cost at most, about ten times what it does cost: so all polls of a product together cost no more than a
/// tenth of the sum that they are to hide, which is little where the sum is quick, and well spent where it is slow.
const SECONDS_PER_POLL: f64 = 1e-6;

/// After how many of `interior` rows the sum is to be polled, if it takes `sum` seconds to go over `ranks` ranks. Each poll
/// lets it advance by one message of about log₂ P on its way: twice as many polls leave it little to wait for.
fn rows_between_polls(interior: usize, ranks: usize, sum: f64) -> usize {
    let hops = ranks.next_power_of_two().ilog2() as f64;
    let polls = (2.0 * hops).min(sum / SECONDS_PER_POLL).max(1.0);
    match (interior as f64 / polls) as usize {
        rows if rows >= ROWS_BETWEEN_POLLS => ROWS_BETWEEN_POLLS,
        rows if rows >= BLOCK => rows / BLOCK * BLOCK,
        // The largest power of two that is no greater.
        rows => (1 << rows.max(1).ilog2()).max(FEWEST_ROWS_BETWEEN_POLLS),
    }
}

/// Rows whose products wait in the cache until they may be overwritten: 512 KiB of pairs.
const CACHED_ROWS: usize = 1 << 15;

/// Timings of which the median counts where a schedule is chosen, and sums in one of them.
const ROUNDS: usize = 5;
const SUMS: usize = 3;

/// What stands in the place of a format's name for a matrix that is not assembled.
pub const MATRIX_FREE: &str = "matrix-free";

/// How an iteration of PIPE-PR-CG is cut, which has a single synchronisation point. With G the time
/// of the sum, H of the exchange, S of the product and V of a sweep over the vectors:
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Schedule {
    /// The product runs while the sum is in flight, the vectors follow in a sweep of their own:
    /// max(G, H + S) + V.
    Overlap,
    /// Sum and exchange run together, then product and updates in a single pass over memory: max(G, H) + S.
    OneSweep,
    /// The one that promises less, by the sum's and the product's measured times.
    Auto,
}

/// Choices of a [`DistMatrix`]. Format and schedule change no bit of a result, the order of rows no more than rounding.
#[derive(Clone, Copy, Debug)]
pub struct MatrixOptions {
    /// How interior rows are kept; None for the one of the formats that takes the fewest bytes.
    pub format: Option<&'static Format>,
    /// In which order a rank's rows lie in memory.
    pub ordering: Ordering,
    /// How PIPE-PR-CG is scheduled.
    pub schedule: Schedule,
}

impl Default for MatrixOptions {
    fn default() -> MatrixOptions {
        MatrixOptions { format: None, ordering: Ordering::Auto, schedule: Schedule::Auto }
    }
}

/// The owned rows of a sparse symmetric matrix, with the halo that their products need.
pub struct DistMatrix {
    layout: Layout,
    local: Rc<Local>,
    single: Halo<1>,
    pair: Halo<2>,
    /// What a sweep needs, if PIPE-PR-CG is to sweep.
    sweep: Option<Sweep>,
    /// What each format would take; None if nothing was to choose.
    candidates: Option<Candidates>,
    /// Of products while a sum is in flight.
    rows_between_polls: usize,
}

/// Of its own, since products may come between an exchange and the sweep that it is for.
struct Sweep {
    halo: Halo<2>,
    /// Products that wait until their rows may be overwritten.
    waiting: Vec<[f64; 2]>,
}

/// What a shared matrix has only once.
struct Local {
    format: &'static str,
    interior: Storage,
    /// The rows that touch ghosts: columns from `layout.len()` on.
    boundary: LocalRows,
    plan: HaloPlan,
    wavefront: Wavefront,
}

impl DistMatrix {
    /// From the rows this rank owns, with global columns: numbers them, plans the halo, and measures a few
    /// sums and products to choose a schedule. Collective.
    ///
    /// # Panics
    /// If a rank has 2³² entries, or rows and ghosts, or more.
    pub fn new(comm: &Comm, n: u64, owned: Rows, owners: &Owners) -> DistMatrix {
        let made = DistMatrix::with_options(comm, n, owned, owners, &MatrixOptions::default());
        made.expect("without a choice of format there is nothing to refuse")
    }

    /// The same, told how. Collective.
    ///
    /// # Errors
    /// When a format was chosen that cannot hold these rows.
    ///
    /// # Panics
    /// As for [`DistMatrix::new`].
    pub fn with_options(
        comm: &Comm,
        n: u64,
        owned: Rows,
        owners: &Owners,
        options: &MatrixOptions,
    ) -> Result<DistMatrix> {
        let (mut interior, mut boundary) = (LocalRows::new(), LocalRows::new());
        let push = |rows: &mut LocalRows, row: &[(u32, f64)]| rows.push(row.iter().copied());
        let (layout, plan) = localize(
            comm,
            n,
            &owned,
            owners,
            options.ordering,
            |row| push(&mut interior, row),
            |row| push(&mut boundary, row),
        );
        drop(owned);
        comm.agree(options.format.map_or(Ok(()), |format| format.check(&interior)))?;
        let candidates = options.format.is_none().then(|| Format::candidates(&interior));
        let fewest_bytes = || Format::fewest_bytes(candidates.as_ref().expect("looked for without a choice"));
        let format = options.format.unwrap_or_else(fewest_bytes);
        let matrix =
            DistMatrix::assemble(layout, plan, format.name, format.store(interior), boundary, options.schedule);
        Ok(DistMatrix { candidates, ..matrix })
    }

    /// A grid's matrix of which only the rows at the edge of this rank's part are held: the others are
    /// repetitions of a few. Collective.
    pub fn matrix_free(comm: &Comm, stencil: &Stencil, owners: &Owners, schedule: Schedule) -> DistMatrix {
        let owned = StencilRows { stencil: *stencil, numbers: numbers_to_owners(comm, owners) };
        let (mut interior, mut boundary) = (RunsBuilder::default(), LocalRows::new());
        let (layout, plan) = localize(
            comm,
            stencil.n(),
            &owned,
            owners,
            Ordering::Natural,
            |row| interior.push(row),
            |row| boundary.push(row.iter().copied()),
        );
        DistMatrix::assemble(layout, plan, MATRIX_FREE, Storage::Runs(interior.finish()), boundary, schedule)
    }

    /// Collective.
    fn assemble(
        layout: Layout,
        plan: HaloPlan,
        format: &'static str,
        interior: Storage,
        boundary: LocalRows,
        schedule: Schedule,
    ) -> DistMatrix {
        let wavefront = Wavefront::new(layout.len(), layout.interior(), |row, see| {
            let see = |(column, _)| see(column as usize);
            match row.checked_sub(layout.interior()) {
                None => interior.row(row).for_each(see),
                Some(row) => boundary.entries(row).for_each(see),
            }
        });
        let local = Local { format, interior, boundary, plan, wavefront };
        let mut matrix = DistMatrix::with_halo(layout, Rc::new(local));
        matrix.schedule(schedule);
        matrix
    }

    /// Makes the channels of the exchange. Collective.
    fn with_halo(layout: Layout, local: Rc<Local>) -> DistMatrix {
        let (single, pair) = (Halo::new(layout.comm(), &local.plan), Halo::new(layout.comm(), &local.plan));
        let rows_between_polls = ROWS_BETWEEN_POLLS;
        DistMatrix { layout, local, single, pair, sweep: None, candidates: None, rows_between_polls }
    }

    /// Fixes the schedule; measures sums, and for [`Schedule::Auto`] products. Collective.
    fn schedule(&mut self, schedule: Schedule) {
        let comm = self.layout.comm();
        let sum = sum_seconds(comm, ROUNDS, SUMS);
        let rows = rows_between_polls(self.layout.interior(), comm.size(), sum);
        self.rows_between_polls = if self.local.interior.cuts_blocks() { rows } else { rows.max(BLOCK) };
        let sweeps = match schedule {
            Schedule::Overlap => false,
            Schedule::OneSweep => true,
            Schedule::Auto => self.one_sweep_promises_less(sum),
        };
        self.sweep = sweeps.then(|| Sweep {
            halo: Halo::new(self.layout.comm(), &self.local.plan),
            waiting: vec![[0.0; 2]; self.local.wavefront.buffer_rows()],
        });
    }

    /// Whether max(G, H) + S < max(G, H + S) + V, the exchange being counted to the product. V is a
    /// product's time in the proportion of the bytes: the second pass reads x, p, r, s, w, u and writes
    /// four of them. Products that wait too long in a sweep leave the cache, 32 of those 80 bytes per row.
    /// Collective.
    fn one_sweep_promises_less(&mut self, sum: f64) -> bool {
        let comm = self.layout.comm().clone();
        let x = vec![[1.0; 2]; self.layout.len()];
        let mut y = x.clone();
        let product = seconds_per_call(&comm, ROUNDS, 1, || self.apply_pair(&x, &mut y));
        let vector_bytes = (10 * size_of::<f64>() * self.layout.len()) as f64;
        let len = self.layout.len().max(1);
        let waiting = self.local.wavefront.waiting_longer_than(CACHED_ROWS) as f64 / len as f64;
        let own_sweep = product * vector_bytes / self.bytes_per_pass(2).max(1) as f64;
        let mut sweeps = [own_sweep, 0.4 * waiting * own_sweep];
        comm.reduce_f64(Op::Max, &mut sweeps);
        let [sweep, waiting] = sweeps;
        sum + product + waiting < sum.max(product) + sweep
    }

    /// The plan of the halo exchange.
    pub fn plan(&self) -> &HaloPlan {
        &self.local.plan
    }

    /// Entries of this rank's rows in columns that other ranks own.
    pub fn ghost_entries(&self) -> u64 {
        let is_ghost = |&&column: &&u32| column as usize >= self.layout.len();
        self.local.boundary.columns.iter().filter(is_ghost).count() as u64
    }

    /// How the interior rows are kept: the name of one of the formats, or [`MATRIX_FREE`].
    pub fn format(&self) -> &'static str {
        self.local.format
    }

    /// Why in this format, if nothing but their bytes decided: the formats that suit this rank's interior rows, and the bytes
    /// that a pass would read of them. None if the format was given.
    pub fn formats_considered(&self) -> Option<impl Iterator<Item = (&'static str, u64)>> {
        let names = || TABLE.iter().map(|format| format.name);
        let candidates = self.candidates?;
        Some(names().zip(candidates).filter_map(|(name, bytes)| Some((name, bytes? as u64))))
    }

    /// True if PIPE-PR-CG is to run in one sweep.
    pub fn is_one_sweep(&self) -> bool {
        self.sweep.is_some()
    }

    /// The entries of owned row `row`, columns as in [`LocalRows`].
    pub fn entries(&self, row: usize) -> Box<dyn Iterator<Item = (u32, f64)> + '_> {
        match row.checked_sub(self.layout.interior()) {
            None => self.local.interior.row(row),
            Some(row) => Box::new(self.local.boundary.entries(row)),
        }
    }
}

impl LocalRows {
    /// y = A x for `rows`, which may touch ghosts: columns from `x.len()` on. `y` holds these rows only.
    fn multiply_boundary<const K: usize>(
        &self,
        rows: Range<usize>,
        x: &[[f64; K]],
        ghosts: &[[f64; K]],
        y: &mut [[f64; K]],
    ) {
        for (row, y) in rows.zip(y) {
            let mut sum = [0.0; K];
            for (column, value) in self.entries(row) {
                let column = column as usize;
                let x = if column < x.len() { x[column] } else { ghosts[column - x.len()] };
                for k in 0..K {
                    sum[k] += value * x[k];
                }
            }
            *y = sum;
        }
    }
}

/// One pass over the rows: interior ones while ghosts travel, sums polled after every `rows_between_polls`, `each` with
/// every finished block of y.
#[allow(clippy::too_many_arguments)]
fn pass<const K: usize>(
    layout: &Layout,
    local: &Local,
    halo: &mut Halo<K>,
    x: &[[f64; K]],
    y: &mut [[f64; K]],
    rows_between_polls: usize,
    mut each: impl FnMut(Range<usize>, &[[f64; K]]),
) where
    [f64; K]: bytemuck::Pod,
{
    assert!(x.len() == layout.len() && y.len() == layout.len(), "vectors have one entry per owned row");
    let comm = layout.comm();
    halo.start(x);
    let interior = layout.interior();
    comm.timed(Phase::Product, || {
        for rows in blocks(interior, BLOCK.min(rows_between_polls)) {
            let y = &mut y[rows.clone()];
            local.interior.multiply(rows.clone(), x, y);
            each(rows.clone(), y);
            if rows.end % rows_between_polls == 0 {
                comm.poll();
            }
        }
        comm.poll();
    });
    let ghosts = halo.finish();
    comm.timed(Phase::Product, || {
        let rows = interior..layout.len();
        local.boundary.multiply_boundary(0..rows.len(), x, ghosts, &mut y[rows.clone()]);
        each(rows.clone(), &y[rows]);
    });
    comm.profile().count(|counts| {
        counts.passes += 1;
        counts.products += K as u64;
        counts.product_bytes += bytes_per_pass(local, layout.len(), K);
    });
}

/// The matrix once, each vector read (ghosts too) and written once.
fn bytes_per_pass(local: &Local, len: usize, vectors: usize) -> u64 {
    let boundary = &local.boundary;
    let boundary_bytes =
        size_of_val(&boundary.starts[..]) + size_of_val(&boundary.columns[..]) + size_of_val(&boundary.values[..]);
    (local.interior.bytes() + boundary_bytes + vectors * size_of::<f64>() * (2 * len + local.plan.ghosts())) as u64
}

impl Operator for DistMatrix {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn apply_with(&mut self, x: &[f64], y: &mut [f64], each: &mut dyn FnMut(Range<usize>, &[f64])) {
        let DistMatrix { layout, local, single, .. } = self;
        let (x, y) = (bytemuck::cast_slice(x), bytemuck::cast_slice_mut(y));
        pass(layout, local, single, x, y, ROWS_BETWEEN_POLLS, |rows, y| each(rows, bytemuck::cast_slice(y)));
    }

    fn apply_pair(&mut self, x: &[[f64; 2]], y: &mut [[f64; 2]]) {
        let DistMatrix { layout, local, pair, .. } = self;
        pass(layout, local, pair, x, y, ROWS_BETWEEN_POLLS, |_, _| ());
    }

    fn apply_pair_summing(
        &mut self,
        x: &[[f64; 2]],
        y: &mut [[f64; 2]],
        sums: &mut [Partial],
        meanwhile: &mut dyn FnMut(&[[f64; 2]]),
    ) {
        let DistMatrix { layout, local, pair, rows_between_polls, .. } = self;
        let sum = layout.comm().start_sum_of(sums);
        pass(layout, local, pair, x, y, *rows_between_polls, |_, _| ());
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
        let DistMatrix { layout, local, single, rows_between_polls, .. } = self;
        let sum = layout.comm().start_sum_of(sums);
        prepare(x);
        let products = bytemuck::cast_slice_mut(y);
        pass(layout, local, single, bytemuck::cast_slice(x), products, *rows_between_polls, |_, _| ());
        meanwhile(y);
        sum.finish_of(sums);
    }

    fn each_block(&self, each: &mut dyn FnMut(Range<usize>)) {
        self.local.wavefront.each_block(each);
    }

    fn one_sweep(&mut self) -> Option<&mut dyn OneSweep> {
        if self.sweep.is_some() { Some(self) } else { None }
    }

    fn diagonal(&self) -> Vec<f64> {
        let entry = |row: usize| self.entries(row).find(|&(column, _)| column as usize == row).map_or(0.0, |e| e.1);
        (0..self.layout.len()).map(entry).collect()
    }

    fn own_block(&self) -> LocalRows {
        let mut block = LocalRows::new();
        let mut entries = Vec::new();
        for row in 0..self.layout.len() {
            entries.clear();
            entries.extend(self.entries(row).filter(|&(column, _)| (column as usize) < self.layout.len()));
            entries.sort_unstable_by_key(|&(column, _)| column);
            block.push(entries.iter().copied());
        }
        block
    }

    fn share(&self) -> Option<Box<dyn Operator>> {
        let layout = self.layout.with_comm(self.layout.comm().with_own_profile());
        Some(Box::new(DistMatrix::with_halo(layout, self.local.clone())))
    }

    fn norm_infinity(&self) -> f64 {
        let sum = |row: usize| self.entries(row).map(|(_, value)| value.abs()).sum();
        (0..self.layout.len()).map(sum).fold(0.0, f64::max)
    }

    fn bytes_per_pass(&self, vectors: usize) -> u64 {
        bytes_per_pass(&self.local, self.layout.len(), vectors)
    }

    fn stored_entries(&self) -> u64 {
        (self.local.interior.entries() + self.local.boundary.values.len()) as u64
    }
}

/// Why a sweep's parts exist: [`Operator::one_sweep`] gives nothing without them.
const SWEPT: &str = "a matrix that is swept";

impl OneSweep for DistMatrix {
    fn exchange_summing(&mut self, x: &[[f64; 2]], sums: &mut [Partial]) {
        let halo = &mut self.sweep.as_mut().expect(SWEPT).halo;
        let sum = self.layout.comm().start_sum_of(sums);
        halo.start(x);
        sum.finish_of(sums);
        halo.finish();
    }

    fn sweep(&mut self, x: &mut [[f64; 2]], each: &mut EachBlock<[f64; 2]>) {
        assert!(x.len() == self.layout.len(), "vectors have one entry per owned row");
        let DistMatrix { layout, local, sweep, .. } = self;
        let Sweep { halo, waiting } = sweep.as_mut().expect(SWEPT);
        let interior = layout.interior();
        let multiply = |rows: Range<usize>, x: &[[f64; 2]], y: &mut [[f64; 2]]| match rows.start.checked_sub(interior) {
            None => local.interior.multiply(rows, x, y),
            Some(start) => local.boundary.multiply_boundary(start..rows.end - interior, x, halo.ghost_values(), y),
        };
        layout.comm().timed(Phase::Sweep, || local.wavefront.sweep(x, waiting, multiply, each));
        layout.comm().profile().count(|counts| {
            counts.passes += 1;
            counts.products += 2;
            // The pair is read and written as in a product; x and p besides.
            counts.sweep_bytes += bytes_per_pass(local, layout.len(), 4);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polls_are_as_frequent_as_the_sum_is_slow() {
        // Within a machine there is nothing to hide; in large products a poll now and then costs nothing.
        assert_eq!(rows_between_polls(1000, 2, 0.7e-6), 512);
        assert_eq!(rows_between_polls(1 << 20, 1024, 12e-6), 8192);
        // Twelve microseconds over 1024 ranks: twelve polls, at most a tenth of the sum.
        assert_eq!(rows_between_polls(4096, 1024, 12e-6), 256);
        assert_eq!(rows_between_polls(30_000, 1024, 12e-6), 2048);
        // Slower still: two polls for each of the ten messages.
        assert_eq!(rows_between_polls(64 * 2048, 1024, 1.0), 6144);
        assert_eq!(rows_between_polls(100, 1024, 1.0), FEWEST_ROWS_BETWEEN_POLLS);
        assert_eq!(rows_between_polls(0, 1, 0.0), FEWEST_ROWS_BETWEEN_POLLS);
        for rows in [BLOCK, ROWS_BETWEEN_POLLS] {
            assert!(rows % FEWEST_ROWS_BETWEEN_POLLS == 0 && FEWEST_ROWS_BETWEEN_POLLS.is_power_of_two());
        }
    }
}
