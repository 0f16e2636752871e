//! Rows whose entries lie at the same distances from the diagonal as those of the row before.
//!
//! On a regular grid, whatever its coefficients, each row has its columns where its predecessor has them, one to
//! the right. Of such rows only the values are kept, those of eight rows side by side, and the inner loops run
//! along contiguous memory. It is the storage by diagonals, but for each run of rows with its own diagonals: at the
//! edges of a grid nothing is padded.

use super::ahead::prefetch;
use crate::distributed::LocalRows;
use crate::operator::wavefront::BLOCK;
use crate::simd::{LANES, Simd, vectorized};
use crate::vector::{Lanes, Strip};
use std::collections::{HashMap, HashSet};
use std::ops::Range;

const _: () = assert!(BLOCK.is_multiple_of(LANES), "a block does not cut through a strip");

/// Rows with the same diagonals, one after the other.
#[derive(Clone, Copy)]
struct Run {
    first_row: u32,
    pattern: u32,
    /// Where the values of its rows start.
    first_value: u32,
}

/// A product reads 8 bytes per entry, 12 per run, and 4 per entry of a pattern.
pub(in crate::operator) struct Dia {
    runs: Vec<Run>,
    rows: usize,
    /// Where each pattern starts in `offsets`, and the end.
    pattern_starts: Vec<u32>,
    /// Column minus row.
    offsets: Vec<i32>,
    /// Of the rows between two multiples of [`LANES`] the first entry of each, then the second ...; of the others in a run
    /// row by row.
    values: Vec<f64>,
}

/// Whether row `row` has the columns of the one before, shifted by one.
fn follows(rows: &LocalRows, row: usize) -> bool {
    let (before, columns) = (rows.row(row - 1).0, rows.row(row).0);
    columns.len() == before.len() && columns.iter().zip(before).all(|(&column, &before)| column == before + 1)
}

impl Dia {
    /// What a product would read, if at least three of four rows follow the one before.
    pub(super) fn bytes_of(rows: &LocalRows) -> Option<usize> {
        let len = rows.starts.len() - 1;
        let following = (1..len).filter(|&row| follows(rows, row)).count();
        if 4 * following < 3 * len.max(1) {
            return None;
        }
        let first_rows = (0..len).filter(|&row| row == 0 || !follows(rows, row));
        let patterns: HashSet<Vec<i64>> =
            first_rows.map(|row| rows.row(row).0.iter().map(|&c| i64::from(c) - row as i64).collect()).collect();
        let offsets: usize = patterns.iter().map(Vec::len).sum();
        Some(8 * rows.values.len() + size_of::<Run>() * (len - following) + size_of::<i32>() * offsets)
    }

    /// # Panics
    /// If there are 2³² entries or more, or a column 2³¹ rows from its row.
    pub(super) fn new(rows: LocalRows) -> Dia {
        let len = rows.starts.len() - 1;
        assert!(u32::try_from(rows.values.len()).is_ok(), "a rank has fewer than 2^32 entries");
        let (mut runs, mut ends) = (Vec::<Run>::new(), Vec::new());
        let (mut pattern_starts, mut offsets, mut numbers) = (vec![0], Vec::new(), HashMap::new());
        for row in 0..len {
            if row > 0 && follows(&rows, row) {
                continue;
            }
            let offset = |&column: &u32| {
                i32::try_from(i64::from(column) - row as i64).expect("columns lie within 2^31 of their row")
            };
            let pattern: Vec<i32> = rows.row(row).0.iter().map(offset).collect();
            let next = numbers.len() as u32;
            let pattern = *numbers.entry(pattern).or_insert_with_key(|pattern| {
                offsets.extend(pattern);
                pattern_starts.push(offsets.len() as u32);
                next
            });
            ends.push(row);
            runs.push(Run { first_row: row as u32, pattern, first_value: rows.starts[row] as u32 });
        }
        ends.push(len);
        let mut values = Vec::with_capacity(rows.values.len());
        for run in ends.windows(2) {
            let (head, strips, tail) = parts(run[0]..run[1]);
            let one_by_one = |values: &mut Vec<f64>, range: Range<usize>| {
                values.extend_from_slice(&rows.values[rows.starts[range.start]..rows.starts[range.end]]);
            };
            one_by_one(&mut values, head);
            for strip in strips.step_by(LANES) {
                for entry in 0..rows.row(strip).1.len() {
                    values.extend((strip..strip + LANES).map(|row| rows.row(row).1[entry]));
                }
            }
            one_by_one(&mut values, tail);
        }
        Dia { runs, rows: len, pattern_starts, offsets, values }
    }

    fn pattern(&self, pattern: u32) -> &[i32] {
        &self.offsets
            [self.pattern_starts[pattern as usize] as usize..self.pattern_starts[pattern as usize + 1] as usize]
    }

    /// The run that holds row `row`.
    fn run_of(&self, row: usize) -> usize {
        self.runs.partition_point(|run| run.first_row as usize <= row) - 1
    }

    fn end_of(&self, run: usize) -> usize {
        self.runs.get(run + 1).map_or(self.rows, |next| next.first_row as usize)
    }

    /// `rows` are those of one block.
    pub(super) fn multiply<const K: usize>(&self, rows: Range<usize>, x: &[[f64; K]], y: &mut [[f64; K]]) {
        assert!(rows.start.is_multiple_of(LANES) && (rows.end == self.rows || rows.end.is_multiple_of(LANES)));
        if rows.is_empty() {
            return;
        }
        vectorized!(simd => {
            let (mut row, mut rest) = (rows.start, y);
            for run in self.run_of(rows.start).. {
                let end = self.end_of(run).min(rows.end);
                let (y, after) = rest.split_at_mut(end - row);
                let Run { first_row, pattern, first_value } = self.runs[run];
                let offsets = self.pattern(pattern);
                // Strips begin at multiples of LANES, as the block does: nothing before `row` is cut through.
                let first = first_value as usize + (row - first_row as usize) * offsets.len();
                let values = &self.values[first..first + y.len() * offsets.len()];
                multiply_run(simd, offsets, values, row, x, y);
                (row, rest) = (end, after);
                if row == rows.end {
                    break;
                }
            }
        });
    }

    pub(super) fn row(&self, row: usize) -> impl Iterator<Item = (u32, f64)> + '_ {
        let number = self.run_of(row);
        let Run { first_row, pattern, first_value } = self.runs[number];
        let offsets = self.pattern(pattern);
        let is_in_strip = parts(first_row as usize..self.end_of(number)).1.contains(&row);
        let (start, stride) = if is_in_strip { (row - row % LANES, LANES) } else { (row, 1) };
        let first = first_value as usize + (start - first_row as usize) * offsets.len() + (row - start);
        offsets
            .iter()
            .enumerate()
            .map(move |(entry, &offset)| ((row as i64 + i64::from(offset)) as u32, self.values[first + stride * entry]))
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(&self.runs[..])
            + size_of_val(&self.pattern_starts[..])
            + size_of_val(&self.offsets[..])
            + size_of_val(&self.values[..])
    }

    pub(super) fn entries(&self) -> usize {
        self.values.len()
    }
}

/// Rows up to a multiple of [`LANES`], then whole strips, then the rest.
#[inline(always)]
fn parts(rows: Range<usize>) -> (Range<usize>, Range<usize>, Range<usize>) {
    let first = rows.start.next_multiple_of(LANES).min(rows.end);
    let last = (rows.end - rows.end % LANES).max(first);
    (rows.start..first, first..last, last..rows.end)
}

/// The rows from `row` on, all with the same offsets.
#[inline(always)]
fn multiply_run<S: Simd, const K: usize>(
    simd: S,
    offsets: &[i32],
    values: &[f64],
    row: usize,
    x: &[[f64; K]],
    y: &mut [[f64; K]],
) {
    let (head, strips, tail) = parts(row..row + y.len());
    one_by_one(offsets, values, row, head, x, y);
    // Two at once hide the latency of an addition.
    let mut at = strips.start;
    while at + 2 * LANES <= strips.end {
        strips_together::<S, K, 2>(simd, offsets, &values[(at - row) * offsets.len()..], at, x, &mut y[at - row..]);
        at += 2 * LANES;
    }
    if at < strips.end {
        strips_together::<S, K, 1>(simd, offsets, &values[(at - row) * offsets.len()..], at, x, &mut y[at - row..]);
    }
    one_by_one(offsets, values, row, tail, x, y);
}

/// `rows` of a run that begins with row `row`, number by number.
#[inline(always)]
fn one_by_one<const K: usize>(
    offsets: &[i32],
    values: &[f64],
    row: usize,
    rows: Range<usize>,
    x: &[[f64; K]],
    y: &mut [[f64; K]],
) {
    for at in rows {
        let values = &values[(at - row) * offsets.len()..][..offsets.len()];
        let mut sum = [0.0; K];
        for (&offset, value) in offsets.iter().zip(values) {
            let x = x[(at as isize + offset as isize) as usize];
            for k in 0..K {
                sum[k] += value * x[k];
            }
        }
        y[at - row] = sum;
    }
}

/// V strips of rows from `row` on, their values first in `values`.
#[inline(always)]
fn strips_together<S: Simd, const K: usize, const V: usize>(
    simd: S,
    offsets: &[i32],
    values: &[f64],
    row: usize,
    x: &[[f64; K]],
    y: &mut [[f64; K]],
) {
    let strip = |v: usize| Strip { start: v * LANES, end: (v + 1) * LANES };
    let length = offsets.len();
    let mut sums = [[Lanes::all(simd, 0.0); K]; V];
    for (entry, &offset) in offsets.iter().enumerate() {
        let x = &x[(row as isize + offset as isize) as usize..][..V * LANES];
        for v in 0..V {
            let values = &values[(v * length + entry) * LANES..][..LANES];
            prefetch(values.as_ptr());
            let value = Lanes::load(simd, values, strip(0));
            let x = Lanes::load_side_by_side(simd, x, strip(v));
            for k in 0..K {
                sums[v][k] = sums[v][k] + value * x[k];
            }
        }
    }
    for (v, sums) in sums.into_iter().enumerate() {
        Lanes::store_side_by_side(sums, y, strip(v));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::with_every_simd;

    /// Rows of three entries from row `row` on.
    fn check<S: Simd, const K: usize>(simd: S, row: usize, length: usize) {
        let offsets = [-4, 0, 3];
        let value = |row: usize, entry: usize| (1.3 * row as f64 + entry as f64).sin();
        let x: Vec<[f64; K]> =
            (0..row + length + 4).map(|row| std::array::from_fn(|k| 1.0 / (row as f64 + 0.7 + k as f64))).collect();
        let (head, strips, tail) = parts(row..row + length);
        let mut values = Vec::new();
        head.for_each(|row| values.extend((0..3).map(|entry| value(row, entry))));
        for strip in strips.step_by(LANES) {
            (0..3).for_each(|entry| values.extend((strip..strip + LANES).map(|row| value(row, entry))));
        }
        tail.for_each(|row| values.extend((0..3).map(|entry| value(row, entry))));
        let mut y = vec![[f64::NAN; K]; length];
        multiply_run::<S, K>(simd, &offsets, &values, row, &x, &mut y);
        for (i, y) in y.iter().enumerate() {
            for k in 0..K {
                let at = |offset: i32| x[(row + i).wrapping_add_signed(offset as isize)][k];
                let plain = (0..3).fold(0.0, |sum, entry| sum + value(row + i, entry) * at(offsets[entry]));
                assert_eq!(y[k].to_bits(), plain.to_bits(), "row {row} + {i} of {length}, {K} vectors");
            }
        }
    }

    #[test]
    fn runs_of_every_length_and_place_with_every_instruction() {
        for row in 5..15 {
            for length in 0..50 {
                with_every_simd!(simd => {
                    check::<_, 1>(simd, row, length);
                    check::<_, 2>(simd, row, length);
                });
            }
        }
    }
}
