//! How a rank keeps its interior rows in memory.
//!
//! A format is one file here and one row of [`TABLE`].

mod ahead;
mod csr;
mod runs;
mod sell;

use crate::distributed::LocalRows;
use csr::Csr;
pub(super) use runs::Builder as RunsBuilder;
pub(super) use runs::Runs;
use sell::Sell;
use std::ops::Range;

/// A row of the table of formats.
#[derive(Debug)]
pub struct Format {
    /// What it is called on the command line and in reports.
    pub name: &'static str,
    /// One line for the help text.
    pub about: &'static str,
    /// Whether these rows are worth it.
    suits: fn(&LocalRows) -> bool,
    build: fn(LocalRows) -> Storage,
}

/// Every format there is. Without a choice, rows are kept in the last one that suits them.
///
/// All of them add up a row's products in the same order, so they give the same bits.
pub const TABLE: &[Format] = &[
    Format {
        name: "csr",
        about: "compressed rows: 12 bytes per entry",
        suits: |_| true,
        build: |rows| Storage::Csr(Csr::new(rows)),
    },
    Format {
        name: "sell",
        about: "compressed rows, eight of equal length side by side: 12 bytes per entry, faster",
        suits: |_| true,
        build: |rows| Storage::Sell(Sell::new(rows)),
    },
    Format {
        name: "runs",
        about: "rows that repeat their predecessor's entries, shifted, are kept once: grids with constant coefficients",
        suits: Runs::suits,
        build: |rows| Storage::Runs(Runs::new(rows)),
    },
];

impl Format {
    /// The row called `name`.
    pub fn named(name: &str) -> Option<&'static Format> {
        TABLE.iter().find(|format| format.name == name)
    }

    /// The rows in this format, or without one in the one that suits them best.
    pub(super) fn store(choice: Option<&'static Format>, rows: LocalRows) -> (&'static Format, Storage) {
        let suiting = || TABLE.iter().rfind(|format| (format.suits)(&rows)).expect("the plainest suits any");
        let format = choice.unwrap_or_else(suiting);
        (format, (format.build)(rows))
    }
}

/// Interior rows of a matrix in one of the formats. All columns are owned rows.
pub(super) enum Storage {
    Csr(Csr),
    Sell(Sell),
    Runs(Runs),
}

impl Storage {
    /// y = A x on `rows`, K vectors side by side; `y` holds these rows only.
    pub(super) fn multiply<const K: usize>(&self, rows: Range<usize>, x: &[[f64; K]], y: &mut [[f64; K]])
    where
        [f64; K]: bytemuck::Pod,
    {
        assert_eq!(rows.len(), y.len());
        match self {
            Storage::Csr(csr) => csr.multiply(rows, x, y),
            Storage::Sell(sell) => sell.multiply(rows, x, y),
            Storage::Runs(runs) => runs.multiply::<K>(rows, bytemuck::cast_slice(x), bytemuck::cast_slice_mut(y)),
        }
    }

    /// The entries of row `row`, in the order in which they are added up.
    pub(super) fn row(&self, row: usize) -> Box<dyn Iterator<Item = (u32, f64)> + '_> {
        match self {
            Storage::Csr(csr) => Box::new(csr.row(row)),
            Storage::Sell(sell) => Box::new(sell.row(row)),
            Storage::Runs(runs) => Box::new(runs.row(row)),
        }
    }

    /// What a pass must read.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Storage::Csr(csr) => csr.bytes(),
            Storage::Sell(sell) => sell.bytes(),
            Storage::Runs(runs) => runs.bytes(),
        }
    }

    /// Entries stored or stood for.
    pub(super) fn entries(&self) -> usize {
        match self {
            Storage::Csr(csr) => csr.entries(),
            Storage::Sell(sell) => sell.entries(),
            Storage::Runs(runs) => runs.entries(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::wavefront::BLOCK;
    use crate::vector::blocks;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};

    /// Boundary rows that the columns may name, numbered behind the interior ones.
    const BOUNDARY: usize = 500;

    /// `len` rows; the columns of row k are what `columns(k)` says, the values random.
    fn rows(len: usize, columns: impl Fn(usize) -> Vec<u32>) -> LocalRows {
        let mut random = ChaCha8Rng::seed_from_u64(len as u64);
        let mut rows = LocalRows::new();
        for row in 0..len {
            rows.push(columns(row).into_iter().map(|column| (column, random.next_u32() as f64 / 1e9 - 2.0)));
        }
        rows
    }

    fn product<const K: usize>(storage: &Storage, len: usize, x: &[[f64; K]]) -> Vec<[u64; K]>
    where
        [f64; K]: bytemuck::Pod,
    {
        let mut y = vec![[f64::NAN; K]; len];
        for rows in blocks(len, BLOCK) {
            storage.multiply(rows.clone(), x, &mut y[rows]);
        }
        y.into_iter().map(|y| y.map(f64::to_bits)).collect()
    }

    /// In every format the same entries, and the bits of products summed up entry by entry.
    fn check(name: &str, rows: &LocalRows) {
        let len = rows.starts.len() - 1;
        let x: Vec<[f64; 2]> =
            (0..len + BOUNDARY).map(|row| [1.0 / (row as f64 + 0.3), 3.0 - 0.01 * row as f64]).collect();
        let first: Vec<[f64; 1]> = x.iter().map(|x| [x[0]]).collect();
        let plain = |k: usize, row: usize| {
            rows.entries(row).fold(0.0, |sum, (column, value)| sum + value * x[column as usize][k]).to_bits()
        };
        for format in TABLE {
            let storage = (format.build)(rows.clone());
            assert_eq!(storage.entries(), rows.values.len(), "{name}, {}", format.name);
            let (one, two) = (product(&storage, len, &first), product(&storage, len, &x));
            for row in 0..len {
                assert!(storage.row(row).eq(rows.entries(row)), "{name}, {}, row {row}", format.name);
                assert_eq!(one[row], [plain(0, row)], "{name}, {}, row {row}", format.name);
                assert_eq!(two[row], [plain(0, row), plain(1, row)], "{name}, {}, row {row}", format.name);
            }
        }
    }

    #[test]
    fn every_format_gives_the_bits_of_the_plain_product() {
        let near = |row: usize, len: usize, reach: usize| {
            (row.saturating_sub(reach)..len.min(row + reach + 1)).map(|column| column as u32).collect::<Vec<_>>()
        };
        check("no rows", &rows(0, |_| Vec::new()));
        check("one row", &rows(1, |_| vec![0]));
        check("one empty row", &rows(1, |_| Vec::new()));
        check("empty rows", &rows(77, |_| Vec::new()));
        for len in [7, 8, 9, 100, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 13] {
            check("a band", &rows(len, |row| near(row, len, 2)));
            check("rows of changing length", &rows(len, |row| near(row, len, row * row % 7)));
            check("empty rows between", &rows(len, |row| if row % 3 == 0 { Vec::new() } else { near(row, len, 1) }));
            check(
                "a dense row",
                &rows(len, |row| if row == len / 2 { near(row, len, len) } else { near(row, len, 1) }),
            );
            check(
                "far columns",
                &rows(len, |row| {
                    let mut columns: Vec<u32> = (0..row % 11).map(|k| ((row * 131 + k * 977) % len) as u32).collect();
                    columns.sort_unstable();
                    columns.dedup();
                    columns
                }),
            );
        }
        let len = 20 * BLOCK;
        check(
            "columns across 32 bits",
            &rows(len, |row| {
                let mut columns = vec![row as u32, (row * 7919 % len) as u32, (len + row % BOUNDARY) as u32];
                columns.sort_unstable();
                columns.dedup();
                columns
            }),
        );
        check(
            "columns of boundary rows",
            &rows(len, |row| {
                let boundary = (row % 5 == 0).then_some((len + (row / 100) % BOUNDARY) as u32);
                near(row, len, 1).into_iter().chain(boundary).collect()
            }),
        );
        let constant = |rows: LocalRows| LocalRows { values: vec![-1.5; rows.values.len()], ..rows };
        check("one value", &constant(rows(3 * BLOCK, |row| near(row, 3 * BLOCK, 3))));
    }
}
