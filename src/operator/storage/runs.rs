//! Runs of rows with the same entries at the same distances from the diagonal.
//!
//! On a regular grid with constant coefficients each row repeats its predecessor, one column to the
//! right. Such rows are kept as one pattern and the run of rows that it holds for: a few bytes per
//! line of the grid instead of 12 per entry, and inner loops along contiguous memory.

use crate::distributed::LocalRows;
use crate::simd::{LANES, Simd, vectorized};
use crate::vector::{Lanes, Strip};
use std::collections::HashMap;
use std::ops::Range;

/// Rows of equal pattern, one after the other.
#[derive(Clone, Copy)]
struct Run {
    first_row: u32,
    pattern: u32,
}

pub(in crate::operator) struct Runs {
    runs: Vec<Run>,
    rows: usize,
    /// Where each pattern starts in `offsets` and `values`, and the end.
    pattern_starts: Vec<u32>,
    /// Column minus row.
    offsets: Vec<i32>,
    values: Vec<f64>,
}

impl Runs {
    /// What a product would read, if at least three of four rows repeat the one before.
    pub(super) fn bytes_of(rows: &LocalRows) -> Option<usize> {
        let len = rows.starts.len() - 1;
        (4 * Runs::repeating(rows) >= 3 * len.max(1)).then(|| Runs::new(rows).bytes())
    }

    /// How many rows have the entries of the one before, shifted by one column.
    fn repeating(rows: &LocalRows) -> usize {
        let repeats = |row: &usize| {
            let ((before, values_before), (columns, values)) = (rows.row(row - 1), rows.row(*row));
            columns.len() == before.len()
                && values.iter().zip(values_before).all(|(value, before)| value.to_bits() == before.to_bits())
                && columns.iter().zip(before).all(|(&column, &before)| column == before + 1)
        };
        (1..rows.starts.len() - 1).filter(repeats).count()
    }

    pub(super) fn new(rows: &LocalRows) -> Runs {
        let mut builder = Builder::default();
        let mut entries = Vec::new();
        for row in 0..rows.starts.len() - 1 {
            entries.clear();
            entries.extend(rows.entries(row));
            builder.push(&entries);
        }
        builder.finish()
    }

    fn pattern(&self, pattern: u32) -> (&[i32], &[f64]) {
        let entries =
            self.pattern_starts[pattern as usize] as usize..self.pattern_starts[pattern as usize + 1] as usize;
        (&self.offsets[entries.clone()], &self.values[entries])
    }

    /// The run that holds row `row`.
    fn run_of(&self, row: usize) -> usize {
        self.runs.partition_point(|run| run.first_row as usize <= row) - 1
    }

    pub(super) fn multiply<const K: usize>(&self, rows: Range<usize>, x: &[f64], y: &mut [f64]) {
        if rows.is_empty() {
            return;
        }
        vectorized!(simd => {
            let (mut row, mut rest) = (rows.start, y);
            for run in self.run_of(rows.start).. {
                let end = self.runs.get(run + 1).map_or(self.rows, |next| next.first_row as usize).min(rows.end);
                let (y, after) = rest.split_at_mut(K * (end - row));
                let (offsets, values) = self.pattern(self.runs[run].pattern);
                multiply_run::<_, K>(simd, offsets, values, row, x, y);
                (row, rest) = (end, after);
                if row == rows.end {
                    break;
                }
            }
        });
    }

    pub(super) fn row(&self, row: usize) -> impl Iterator<Item = (u32, f64)> + '_ {
        let (offsets, values) = self.pattern(self.runs[self.run_of(row)].pattern);
        offsets.iter().map(move |&offset| (row as i64 + i64::from(offset)) as u32).zip(values.iter().copied())
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(&self.runs[..])
            + size_of_val(&self.pattern_starts[..])
            + size_of_val(&self.offsets[..])
            + size_of_val(&self.values[..])
    }

    pub(super) fn entries(&self) -> usize {
        let ends = self.runs.iter().skip(1).map(|run| run.first_row as usize).chain([self.rows]);
        self.runs
            .iter()
            .zip(ends)
            .map(|(run, end)| (end - run.first_row as usize) * self.pattern(run.pattern).0.len())
            .sum()
    }
}

/// The rows from `row` on, all of one pattern; K vectors side by side in `x` and `y`.
#[inline(always)]
fn multiply_run<S: Simd, const K: usize>(
    simd: S,
    offsets: &[i32],
    values: &[f64],
    row: usize,
    x: &[f64],
    y: &mut [f64],
) {
    // Registers at once: enough of them to hide the latency of an addition.
    const MANY: usize = 4;
    let from = |offset: i32, done: usize| (row as isize + offset as isize) as usize * K + done;
    let mut done = 0;
    while y.len() - done >= MANY * LANES {
        strips::<S, MANY>(simd, offsets, values, |offset| from(offset, done), x, &mut y[done..]);
        done += MANY * LANES;
    }
    if y.len() >= MANY * LANES && y.len() - done > LANES {
        // The last numbers of these once more, shifted to the end: cheaper than strip by strip.
        done = y.len() - MANY * LANES;
        strips::<S, MANY>(simd, offsets, values, |offset| from(offset, done), x, &mut y[done..]);
        return;
    }
    while y.len() - done >= LANES {
        strips::<S, 1>(simd, offsets, values, |offset| from(offset, done), x, &mut y[done..]);
        done += LANES;
    }
    if done < y.len() && y.len() >= LANES {
        // Likewise.
        done = y.len() - LANES;
        strips::<S, 1>(simd, offsets, values, |offset| from(offset, done), x, &mut y[done..]);
        return;
    }
    for y in &mut y[done..] {
        let mut sum = 0.0;
        for (&offset, &value) in offsets.iter().zip(values) {
            sum += value * x[from(offset, done)];
        }
        *y = sum;
        done += 1;
    }
}

/// V strips of numbers at once.
#[inline(always)]
fn strips<S: Simd, const V: usize>(
    simd: S,
    offsets: &[i32],
    values: &[f64],
    from: impl Fn(i32) -> usize,
    x: &[f64],
    y: &mut [f64],
) {
    let strip = |v: usize| Strip { start: v * LANES, end: (v + 1) * LANES };
    let mut sums = [Lanes::all(simd, 0.0); V];
    for (&offset, &value) in offsets.iter().zip(values) {
        let x = &x[from(offset)..][..V * LANES];
        for (v, sum) in sums.iter_mut().enumerate() {
            *sum = *sum + value * Lanes::load(simd, x, strip(v));
        }
    }
    for (v, sum) in sums.into_iter().enumerate() {
        sum.store(y, strip(v));
    }
}

/// A pattern, its values as bits so that they can be compared and hashed.
type Key = Vec<(i32, u64)>;

/// Collects rows in their order.
#[derive(Default)]
pub(in crate::operator) struct Builder {
    runs: Vec<Run>,
    rows: usize,
    patterns: Vec<Key>,
    numbers: HashMap<Key, u32>,
}

impl Builder {
    /// The next row.
    pub(in crate::operator) fn push(&mut self, entries: &[(u32, f64)]) {
        let row = self.rows;
        self.rows += 1;
        let shift = |&(column, value): &(u32, f64)| {
            let offset =
                i32::try_from(i64::from(column) - row as i64).expect("a run's columns lie within 2^31 of the row");
            (offset, value.to_bits())
        };
        let shifted = entries.iter().map(shift);
        if let Some(run) = self.runs.last()
            && shifted.clone().eq(self.patterns[run.pattern as usize].iter().copied())
        {
            return;
        }
        let key: Key = shifted.collect();
        let next = self.patterns.len() as u32;
        let pattern = *self.numbers.entry(key).or_insert_with_key(|key| {
            self.patterns.push(key.clone());
            next
        });
        self.runs.push(Run { first_row: row as u32, pattern });
    }

    pub(in crate::operator) fn finish(self) -> Runs {
        let mut runs =
            Runs { runs: self.runs, rows: self.rows, pattern_starts: vec![0], offsets: Vec::new(), values: Vec::new() };
        for pattern in self.patterns {
            runs.offsets.extend(pattern.iter().map(|entry| entry.0));
            runs.values.extend(pattern.iter().map(|entry| f64::from_bits(entry.1)));
            runs.pattern_starts.push(u32::try_from(runs.offsets.len()).expect("patterns have fewer than 2^32 entries"));
        }
        runs
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::with_every_simd;

    /// Rows of three entries, the products of `length` numbers from row 5 on.
    fn check<S: Simd, const K: usize>(simd: S, length: usize) {
        let (offsets, values) = ([-4, 0, 3], [0.3, -1.7, 0.9]);
        let x: Vec<f64> = (0..K * (length + 10)).map(|k| 1.0 / (k as f64 + 0.7)).collect();
        let mut y = vec![f64::NAN; K * length];
        multiply_run::<S, K>(simd, &offsets, &values, 5, &x, &mut y);
        for (k, y) in y.iter().enumerate() {
            let at = |offset: i32| x[((5 + offset) * K as i32) as usize + k];
            let plain = offsets.iter().zip(&values).fold(0.0, |sum, (&offset, value)| sum + value * at(offset));
            assert_eq!(y.to_bits(), plain.to_bits(), "{k} of {length}, {K} vectors");
        }
    }

    #[test]
    fn runs_of_every_length_with_every_instruction() {
        for length in 0..80 {
            with_every_simd!(simd => {
                check::<_, 1>(simd, length);
                check::<_, 2>(simd, length);
            });
        }
    }
}
