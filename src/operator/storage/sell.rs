//! Rows of equal length side by side.
//!
//! Sliced ELLPACK with sorting, after Kreutzer, Hager, Wellein, Fehske & Bishop, "A unified sparse matrix
//! data format for efficient general sparse matrix-vector multiplication on modern processors with wide
//! SIMD units", SIAM J. Sci. Comput. 36(5), 2014 (SELL-C-σ), with C = 8 and σ a block of rows. Where they
//! pad the rows of a slice to equal length, only rows of equal length share a slice here, and the few left
//! over in a block are kept one by one: nothing is stored that is not an entry.
//!
//! On a mesh the lengths of successive rows differ, and a loop over the entries of one row at a time
//! mispredicts its end nearly every time. Here eight rows end together.

use super::ahead::prefetch;
use crate::distributed::LocalRows;
use crate::operator::wavefront::BLOCK;
use crate::simd::vectorized;
use crate::vector::blocks;
use std::ops::Range;

/// Rows in a slice.
const WIDTH: usize = 8;

const _: () = assert!(BLOCK <= 1 << 16, "rows within a block are numbered with 16 bits");

/// Rows of the same length in a block: slices of [`WIDTH`] rows, then fewer rows one by one.
#[derive(Clone, Copy)]
struct Group {
    rows: u32,
    length: u32,
}

/// Where a row's entries are: `length` of them from `start` on, `stride` apart.
#[derive(Clone, Copy)]
struct Place {
    start: u32,
    length: u32,
    is_sliced: bool,
}

/// A product reads 12 bytes per entry, 2 per row, and 8 per length that occurs in a block.
pub(in crate::operator) struct Sell {
    /// Where each block starts in `groups` and in the entries, and the end.
    block_starts: Vec<(u32, u32)>,
    groups: Vec<Group>,
    /// The rows of each block, counted from its first, as they follow each other in its groups.
    order: Vec<u16>,
    /// All below `columns_end`; in a slice the first entry of every row, then the second ...
    columns: Vec<u32>,
    values: Vec<f64>,
    columns_end: usize,
    /// For access by row, which no product needs.
    places: Vec<Place>,
}

impl Sell {
    /// # Panics
    /// If there are 2³² entries or more.
    pub(super) fn new(rows: LocalRows) -> Sell {
        let (len, entries) = (rows.starts.len() - 1, rows.values.len());
        assert!(u32::try_from(entries).is_ok(), "a rank has fewer than 2^32 entries");
        let mut sell = Sell {
            block_starts: vec![(0, 0)],
            groups: Vec::new(),
            order: Vec::with_capacity(len),
            columns: Vec::with_capacity(entries),
            values: Vec::with_capacity(entries),
            columns_end: rows.columns.iter().max().map_or(0, |&column| column as usize + 1),
            places: vec![Place { start: 0, length: 0, is_sliced: false }; len],
        };
        for block in blocks(len, BLOCK) {
            let mut order: Vec<usize> = block.clone().collect();
            order.sort_by_key(|&row| rows.row(row).0.len());
            sell.order.extend(order.iter().map(|row| (row - block.start) as u16));
            for group in order.chunk_by(|&a, &b| rows.row(a).0.len() == rows.row(b).0.len()) {
                sell.push_group(&rows, group);
            }
            sell.block_starts.push((sell.groups.len() as u32, sell.values.len() as u32));
        }
        sell
    }

    fn push_group(&mut self, rows: &LocalRows, group: &[usize]) {
        let length = rows.row(group[0]).0.len();
        self.groups.push(Group { rows: group.len() as u32, length: length as u32 });
        let slices = group.chunks_exact(WIDTH);
        let rest = slices.remainder();
        for (together, is_sliced) in slices.map(|slice| (slice, true)).chain(rest.chunks(1).map(|row| (row, false))) {
            for (lane, &row) in together.iter().enumerate() {
                self.places[row] = Place { start: (self.values.len() + lane) as u32, length: length as u32, is_sliced };
            }
            for entry in 0..length {
                for &row in together {
                    let (columns, values) = rows.row(row);
                    self.columns.push(columns[entry]);
                    self.values.push(values[entry]);
                }
            }
        }
    }

    /// `rows` are those of one block.
    pub(super) fn multiply<const K: usize>(&self, rows: Range<usize>, x: &[[f64; K]], y: &mut [[f64; K]]) {
        assert!(x.len() >= self.columns_end && rows.start.is_multiple_of(BLOCK));
        assert!(rows.end == self.order.len().min(rows.start + BLOCK));
        vectorized!(_simd => self.multiply_block(rows, x, y));
    }

    #[inline(always)]
    #[allow(unsafe_code)]
    fn multiply_block<const K: usize>(&self, rows: Range<usize>, x: &[[f64; K]], y: &mut [[f64; K]]) {
        let block = rows.start / BLOCK;
        let (groups, entry) = self.block_starts[block];
        let groups = &self.groups[groups as usize..self.block_starts[block + 1].0 as usize];
        let (mut order, mut entry) = (&self.order[rows], entry as usize);
        for &Group { rows, length } in groups {
            let (rows, length) = (rows as usize, length as usize);
            let mine;
            (mine, order) = order.split_at(rows);
            let mut slices = mine.chunks_exact(WIDTH);
            for slice in &mut slices {
                // SAFETY: `multiply` has asserted that x is long enough.
                let sums = unsafe { self.rows_together::<K, WIDTH>(entry, length, x) };
                for (&row, sum) in slice.iter().zip(sums) {
                    y[row as usize] = sum;
                }
                entry += WIDTH * length;
            }
            for &row in slices.remainder() {
                // SAFETY: as above.
                [y[row as usize]] = unsafe { self.rows_together::<K, 1>(entry, length, x) };
                entry += length;
            }
        }
    }

    /// The products of W rows side by side, their entries beginning at `start`.
    ///
    /// # Safety
    /// x has `columns_end` rows or more.
    #[inline(always)]
    #[allow(unsafe_code)]
    unsafe fn rows_together<const K: usize, const W: usize>(
        &self,
        start: usize,
        length: usize,
        x: &[[f64; K]],
    ) -> [[f64; K]; W] {
        let entries = start..start + W * length;
        let (columns, values) =
            (self.columns[entries.clone()].as_chunks::<W>().0, self.values[entries].as_chunks::<W>().0);
        let mut sums = [[0.0; K]; W];
        for (columns, values) in columns.iter().zip(values) {
            prefetch(values);
            prefetch(columns);
            for lane in 0..W {
                // SAFETY: no field changes after `new`, where every column is below `columns_end`, and x is as
                // long as that.
                let x = unsafe { x.get_unchecked(columns[lane] as usize) };
                for k in 0..K {
                    sums[lane][k] += values[lane] * x[k];
                }
            }
        }
        sums
    }

    pub(super) fn row(&self, row: usize) -> impl Iterator<Item = (u32, f64)> + '_ {
        let Place { start, length, is_sliced } = self.places[row];
        let stride = if is_sliced { WIDTH } else { 1 };
        (0..length as usize)
            .map(move |entry| start as usize + stride * entry)
            .map(|at| (self.columns[at], self.values[at]))
    }

    /// What a product reads.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&self.block_starts[..])
            + size_of_val(&self.groups[..])
            + size_of_val(&self.order[..])
            + size_of_val(&self.columns[..])
            + size_of_val(&self.values[..])
    }

    pub(super) fn entries(&self) -> usize {
        self.values.len()
    }
}
