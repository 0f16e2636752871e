//! Rows of a matrix as they are read or generated, before anybody owns them.

use std::ops::Range;

/// The rows 0 … n − 1 in contiguous shares of equal size (± 1), one per rank: who holds what was
/// read, until the partition says who owns it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EvenSplit {
    /// Global number of rows.
    pub n: u64,
    /// Number of shares.
    pub ranks: usize,
}

impl EvenSplit {
    /// The rows of share `rank`.
    pub fn share(&self, rank: usize) -> Range<u64> {
        let start = |rank: usize| (self.n as u128 * rank as u128 / self.ranks as u128) as u64;
        start(rank)..start(rank + 1)
    }

    /// The share that `row` falls in.
    pub fn holder(&self, row: u64) -> usize {
        debug_assert!(row < self.n);
        // The last share that starts at or before `row`: n r / ranks < row + 1.
        (((row as u128 + 1) * self.ranks as u128 - 1) / self.n as u128) as usize
    }
}

/// Some rows of a sparse matrix, with their global numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    /// Global row number of each row here, increasing.
    pub numbers: Vec<u64>,
    /// Where each row starts in `columns` and `values`; one more entry than rows.
    pub starts: Vec<usize>,
    /// Global columns, increasing within a row.
    pub columns: Vec<u64>,
    /// The entries.
    pub values: Vec<f64>,
}

impl Rows {
    /// No rows yet.
    pub fn new() -> Rows {
        Rows { starts: vec![0], ..Rows::default() }
    }

    /// How many rows.
    pub fn len(&self) -> usize {
        self.numbers.len()
    }

    /// True without rows.
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// Columns and values of the `k`-th row here.
    pub fn row(&self, k: usize) -> (&[u64], &[f64]) {
        let entries = self.starts[k]..self.starts[k + 1];
        (&self.columns[entries.clone()], &self.values[entries])
    }

    /// Brings the columns of each row into their order, with their values.
    pub(super) fn sort(&mut self) {
        for ends in self.starts.windows(2) {
            let (columns, values) = (&mut self.columns[ends[0]..ends[1]], &mut self.values[ends[0]..ends[1]]);
            if !columns.is_sorted() {
                let mut row: Vec<(u64, f64)> = columns.iter().copied().zip(values.iter().copied()).collect();
                row.sort_by_key(|entry| entry.0);
                for (k, entry) in row.into_iter().enumerate() {
                    (columns[k], values[k]) = entry;
                }
            }
        }
    }

    /// Adds entries at the same place, which lie side by side, in their order.
    pub(super) fn add_repeated(&mut self) {
        let (mut kept, mut from) = (0, 0);
        for k in 0..self.len() {
            let start = kept;
            for at in from..self.starts[k + 1] {
                if kept > start && self.columns[kept - 1] == self.columns[at] {
                    self.values[kept - 1] += self.values[at];
                } else {
                    (self.columns[kept], self.values[kept]) = (self.columns[at], self.values[at]);
                    kept += 1;
                }
            }
            from = self.starts[k + 1];
            self.starts[k + 1] = kept;
        }
        self.columns.truncate(kept);
        self.values.truncate(kept);
    }

    /// Leaves out stored zeros beside the diagonal: they couple nothing.
    pub(crate) fn drop_zeros(&mut self) {
        let (mut kept, mut from) = (0, 0);
        for k in 0..self.len() {
            for at in from..self.starts[k + 1] {
                if self.values[at] != 0.0 || self.columns[at] == self.numbers[k] {
                    (self.columns[kept], self.values[kept]) = (self.columns[at], self.values[at]);
                    kept += 1;
                }
            }
            from = self.starts[k + 1];
            self.starts[k + 1] = kept;
        }
        self.columns.truncate(kept);
        self.values.truncate(kept);
    }

    /// What is wrong with entries that were read, if anything: columns that do not increase or leave the `n` x `n`
    /// matrix, values that are not finite.
    pub(super) fn fault(&self, n: u64) -> Option<String> {
        (0..self.len()).find_map(|k| {
            let (columns, values) = self.row(k);
            let row = self.numbers[k] + 1;
            if let Some(&column) = columns.iter().find(|column| **column >= n) {
                // Files with signed numbers may hold negative ones.
                let shown = column.wrapping_add(1) as i64;
                return Some(format!("row {row} has column {shown}, which is outside 1 ... {n}"));
            }
            if let Some(pair) = columns.windows(2).find(|pair| pair[0] >= pair[1]) {
                let [before, column] = [pair[0] + 1, pair[1] + 1];
                return Some(if before == column {
                    format!("row {row} has column {column} twice")
                } else {
                    format!("column {column} follows column {before} in row {row}")
                });
            }
            let bad = columns.iter().zip(values).find(|(_, value)| !value.is_finite())?;
            Some(format!("A({row},{}) = {} is not a finite number", bad.0 + 1, bad.1))
        })
    }

    /// Appends a row; its columns increase.
    pub fn push(&mut self, number: u64, entries: impl IntoIterator<Item = (u64, f64)>) {
        self.numbers.push(number);
        for (column, value) in entries {
            self.columns.push(column);
            self.values.push(value);
        }
        self.starts.push(self.columns.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_even_split_covers_every_row_once_and_finds_its_holder() {
        for (n, ranks) in [(0, 3), (1, 7), (7, 7), (10, 3), (100, 7), (u32::MAX as u64 * 3, 5)] {
            let split = EvenSplit { n, ranks };
            assert_eq!(split.share(0).start, 0);
            assert_eq!(split.share(ranks - 1).end, n);
            for rank in 0..ranks {
                let share = split.share(rank);
                assert!(rank == 0 || split.share(rank - 1).end == share.start);
                for row in [share.start, (share.start + share.end) / 2, share.end.saturating_sub(1)] {
                    if share.contains(&row) {
                        assert_eq!(split.holder(row), rank, "row {row} of {n} on {ranks}");
                    }
                }
            }
        }
    }
}
