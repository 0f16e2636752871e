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
