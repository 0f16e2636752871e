//! Compressed sparse rows with 32-bit indices.

use super::ahead::prefetch;
use crate::distributed::LocalRows;
use crate::simd::vectorized;
use std::ops::Range;

/// Rows multiplied at once where they are of equal length.
const ABREAST: usize = 4;

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
    /// What a product would read.
    pub(super) fn bytes_of(rows: &LocalRows) -> usize {
        (size_of::<u32>() + size_of::<f64>()) * rows.values.len() + size_of::<u32>() * rows.starts.len()
    }

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

    pub(super) fn multiply<const K: usize>(&self, rows: Range<usize>, x: &[[f64; K]], y: &mut [[f64; K]]) {
        vectorized!(_simd => self.multiply_rows(rows, x, y));
    }

    /// Compiled for the instructions of its caller.
    #[inline(always)]
    #[allow(unsafe_code)]
    fn multiply_rows<const K: usize>(&self, rows: Range<usize>, x: &[[f64; K]], y: &mut [[f64; K]]) {
        assert!(x.len() >= self.columns_end);
        let starts = &self.starts[rows.start..=rows.end];
        let mut row = 0;
        while row < y.len() {
            let (start, end) = (starts[row] as usize, starts[row + 1] as usize);
            // On a grid most rows are as long as the next ones: their ends are found in one loop.
            let are_equal = row + ABREAST <= y.len()
                && (1..ABREAST).all(|k| starts[row + k + 1] - starts[row + k] == (end - start) as u32);
            if are_equal {
                // SAFETY: x is as long as asserted.
                let sums = unsafe { self.rows_abreast::<K, ABREAST>(start, end - start, x) };
                y[row..row + ABREAST].copy_from_slice(&sums);
                row += ABREAST;
            } else {
                // SAFETY: as above.
                [y[row]] = unsafe { self.rows_abreast::<K, 1>(start, end - start, x) };
                row += 1;
            }
        }
    }

    /// The products of W rows of `length` entries each, the first one at `start`.
    ///
    /// # Safety
    /// x has `columns_end` rows or more.
    #[inline(always)]
    #[allow(unsafe_code)]
    unsafe fn rows_abreast<const K: usize, const W: usize>(
        &self,
        start: usize,
        length: usize,
        x: &[[f64; K]],
    ) -> [[f64; K]; W] {
        let (columns, values) = (&self.columns[start..start + W * length], &self.values[start..start + W * length]);
        for entry in (0..values.len()).step_by(8) {
            prefetch(values.as_ptr().wrapping_add(entry));
            prefetch(columns.as_ptr().wrapping_add(entry));
        }
        let mut sums = [[0.0; K]; W];
        for entry in 0..length {
            for (row, sum) in sums.iter_mut().enumerate() {
                let entry = row * length + entry;
                // SAFETY: `entry` is below W · length, the length of both slices; and no field changes after
                // `new`, where every column is below `columns_end`, and x is as long as that.
                let (value, x) =
                    unsafe { (values.get_unchecked(entry), x.get_unchecked(*columns.get_unchecked(entry) as usize)) };
                for k in 0..K {
                    sum[k] += value * x[k];
                }
            }
        }
        sums
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::with_every_simd;

    fn products<const K: usize>(csr: &Csr, x: &[[f64; K]], rows: Range<usize>) -> Vec<[u64; K]> {
        let mut y = vec![[f64::NAN; K]; rows.len()];
        csr.multiply_rows(rows, x, &mut y);
        y.into_iter().map(|y| y.map(f64::to_bits)).collect()
    }

    #[test]
    fn rows_of_any_length_with_every_instruction() {
        let len = if cfg!(miri) { 110 } else { 500 };
        let mut rows = LocalRows::new();
        for row in 0..len {
            // Equal lengths in some places, and empty rows.
            let length = if row % 100 < 50 { 5 } else { row * row % 13 };
            let columns = (0..length).map(|k| row * (len - length) / len + k);
            rows.push(columns.map(|column| (column as u32, 0.1 + ((7 * row + column) % 200) as f64)));
        }
        let x: Vec<[f64; 2]> = (0..len).map(|row| [1.0 / (row as f64 + 0.3), 3.0 - 0.01 * row as f64]).collect();
        let first: Vec<[f64; 1]> = x.iter().map(|x| [x[0]]).collect();
        let plain = |row: usize, k: usize| {
            rows.entries(row).fold(0.0, |sum, (column, value)| sum + value * x[column as usize][k]).to_bits()
        };
        let csr = Csr::new(rows.clone());
        for part in [0..len, 3..len, 49..50, 7..7, 48..len - 9] {
            let expected: Vec<[u64; 2]> = part.clone().map(|row| [plain(row, 0), plain(row, 1)]).collect();
            with_every_simd!(_simd => {
                assert_eq!(products(&csr, &x, part.clone()), expected);
                assert!(products(&csr, &first, part.clone()).iter().zip(&expected).all(|(y, both)| y[0] == both[0]));
            });
        }
    }
}
