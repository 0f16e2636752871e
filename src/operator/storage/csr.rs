//! Compressed sparse rows with 32-bit indices.

use crate::distributed::LocalRows;
use std::ops::Range;

/// 12 bytes per entry and 4 per row.
pub(in crate::operator) struct Csr {
    /// Where each row starts in `columns` and `values`; increasing, the last one is their length.
    starts: Vec<u32>,
    /// All below `columns_end`.
    columns: Vec<u32>,
    values: Vec<f64>,
    columns_end: usize,
}

impl Csr {
    /// # Panics
    /// If there are 2³² entries or more, or if the rows contradict themselves.
    pub(super) fn new(rows: LocalRows) -> Csr {
        let LocalRows { starts, columns, values } = rows;
        let starts: Vec<u32> =
            starts.into_iter().map(|start| u32::try_from(start).expect("a rank has fewer than 2^32 entries")).collect();
        assert!(starts.is_sorted() && starts.last().is_some_and(|&end| end as usize == columns.len()));
        assert_eq!(columns.len(), values.len());
        let columns_end = columns.iter().max().map_or(0, |&column| column as usize + 1);
        Csr { starts, columns, values, columns_end }
    }

    #[allow(unsafe_code)]
    pub(super) fn multiply<const K: usize>(&self, rows: Range<usize>, x: &[[f64; K]], y: &mut [[f64; K]]) {
        assert!(x.len() >= self.columns_end);
        let starts = &self.starts[rows.start..=rows.end];
        for (y, row) in y.iter_mut().zip(starts.windows(2)) {
            let mut sum = [0.0; K];
            for entry in row[0] as usize..row[1] as usize {
                // SAFETY: no field changes after `new`, which asserts that `starts` increases up to the
                // common length of `columns` and `values`, so `entry` lies inside both; and every column
                // is below `columns_end`, which the assertion above holds against the length of `x`.
                let (value, x) = unsafe {
                    (self.values.get_unchecked(entry), x.get_unchecked(*self.columns.get_unchecked(entry) as usize))
                };
                for k in 0..K {
                    sum[k] += value * x[k];
                }
            }
            *y = sum;
        }
    }

    pub(super) fn row(&self, row: usize) -> impl Iterator<Item = (u32, f64)> + '_ {
        let entries = self.starts[row] as usize..self.starts[row + 1] as usize;
        self.columns[entries.clone()].iter().copied().zip(self.values[entries].iter().copied())
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(&self.starts[..]) + size_of_val(&self.columns[..]) + size_of_val(&self.values[..])
    }

    pub(super) fn entries(&self) -> usize {
        self.values.len()
    }
}
