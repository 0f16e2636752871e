//! How a rank keeps its interior rows in memory.
//!
//! A format is one file here and one row of [`TABLE`].

mod ahead;
mod csr;
mod dia;
mod runs;
mod sell;

use crate::distributed::LocalRows;
use crate::error::{Error, Result};
use csr::Csr;
use dia::Dia;
pub(super) use runs::Builder as RunsBuilder;
use runs::Runs;
use sell::Sell;
use std::ops::Range;

/// A row of the table of formats.
#[derive(Debug)]
pub struct Format {
    /// What it is called on the command line and in reports.
    pub name: &'static str,
    /// One line for the help text.
    pub about: &'static str,
    /// Bytes that a product would read of these rows in this format; None if it does not suit them.
    bytes: fn(&LocalRows) -> Option<usize>,
    build: fn(LocalRows) -> Storage,
}

/// Every format there is. Without a choice, rows are kept in the one in which a product reads the fewest bytes.
///
/// All of them add up a row's products in the same order, so they give the same bits.
pub const TABLE: &[Format] = &[
    Format {
        name: "csr",
        about: "compressed rows: 12 bytes per entry",
        bytes: |rows| Some(Csr::bytes_of(rows)),
        build: |rows| Storage::Csr(Csr::new(rows)),
    },
    Format {
        name: "sell",
        about: "eight rows of equal length side by side: 10 bytes per entry, 12 where columns are far away",
        bytes: |rows| Sell::bytes_of(rows, false),
        build: |rows| Storage::Sell(Sell::new(rows, false)),
    },
    Format {
        name: "dictionary",
        about: "the same with one byte for a value, where there are at most 256 different ones: 3 or 5 bytes per entry",
        bytes: |rows| Sell::bytes_of(rows, true),
        build: |rows| Storage::Sell(Sell::new(rows, true)),
    },
    Format {
        name: "dia",
        about: "values by diagonals, for rows that have their columns where the row before has them: 8 bytes per entry",
        bytes: Dia::bytes_of,
        build: |rows| Storage::Dia(Dia::new(rows)),
    },
    Format {
        name: "runs",
        about: "rows that repeat their predecessor's entries, shifted, are kept once: grids with constant coefficients",
        bytes: Runs::bytes_of,
        build: |rows| Storage::Runs(Runs::new(&rows)),
    },
];

/// What a product would read in each of [`TABLE`]'s formats; None where a format does not suit the rows.
pub(super) type Candidates = [Option<usize>; TABLE.len()];

impl Format {
    /// The row called `name`.
    pub fn named(name: &str) -> Option<&'static Format> {
        TABLE.iter().find(|format| format.name == name)
    }

    /// Bytes for each of the formats.
    pub(super) fn candidates(rows: &LocalRows) -> Candidates {
        std::array::from_fn(|format| (TABLE[format].bytes)(rows))
    }

    /// The one with the fewest bytes; of equal ones the last.
    pub(super) fn fewest_bytes(candidates: &Candidates) -> &'static Format {
        let suiting = TABLE.iter().zip(candidates).filter_map(|(format, bytes)| Some((format, (*bytes)?)));
        suiting.rev().min_by_key(|(_, bytes)| *bytes).expect("the plainest suits any").0
    }

    /// Whether it can hold these rows, be it worth it or not.
    pub(super) fn check(&self, rows: &LocalRows) -> Result<()> {
        if self.name == "dictionary" && (self.bytes)(rows).is_none() {
            return Err(Error::usage(
                "--format dictionary needs a matrix of at most 256 different values on each rank: use --format auto",
            ));
        }
        Ok(())
    }

    /// The rows in this format.
    pub(super) fn store(&self, rows: LocalRows) -> Storage {
        (self.build)(rows)
    }
}

/// Interior rows of a matrix in one of the formats. All columns are owned rows.
pub(super) enum Storage {
    Csr(Csr),
    Sell(Sell),
    Dia(Dia),
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
            Storage::Dia(dia) => dia.multiply(rows, x, y),
            Storage::Runs(runs) => runs.multiply::<K>(rows, bytemuck::cast_slice(x), bytemuck::cast_slice_mut(y)),
        }
    }

    /// Whether `multiply` may be given less than a block of rows, if they begin and end at multiples of 128 or at the end.
    pub(super) fn cuts_blocks(&self) -> bool {
        !matches!(self, Storage::Sell(_))
    }

    /// The entries of row `row`, in the order in which they are added up.
    pub(super) fn row(&self, row: usize) -> Box<dyn Iterator<Item = (u32, f64)> + '_> {
        match self {
            Storage::Csr(csr) => Box::new(csr.row(row)),
            Storage::Sell(sell) => Box::new(sell.row(row)),
            Storage::Dia(dia) => Box::new(dia.row(row)),
            Storage::Runs(runs) => Box::new(runs.row(row)),
        }
    }

    /// What a pass must read.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Storage::Csr(csr) => csr.bytes(),
            Storage::Sell(sell) => sell.bytes(),
            Storage::Dia(dia) => dia.bytes(),
            Storage::Runs(runs) => runs.bytes(),
        }
    }

    /// Entries stored or stood for.
    pub(super) fn entries(&self) -> usize {
        match self {
            Storage::Csr(csr) => csr.entries(),
            Storage::Sell(sell) => sell.entries(),
            Storage::Dia(dia) => dia.entries(),
            Storage::Runs(runs) => runs.entries(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::wavefront::BLOCK;
    use crate::vector::blocks;
    use proptest::collection::vec;
    use proptest::prelude::*;
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
            let values = std::collections::BTreeSet::from_iter(rows.values.iter().map(|value| value.to_bits()));
            let bytes = (format.bytes)(rows);
            if format.name == "dictionary" {
                assert_eq!(bytes.is_some(), values.len() <= 256, "{name}");
                if bytes.is_none() {
                    continue;
                }
            }
            let storage = (format.build)(rows.clone());
            if let Some(bytes) = bytes {
                // Formats are chosen by this figure: off by no more than groups of rows take.
                let (real, slack) = (storage.bytes(), 64 + rows.values.len() / 2 + 4 * len);
                assert!(bytes.abs_diff(real) <= slack, "{name}, {}: {bytes} and {real} bytes", format.name);
            }
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
        let lengths = [7, 8, 9, 100, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 13];
        for &len in &lengths[..if cfg!(miri) { 4 } else { lengths.len() }] {
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
        if cfg!(miri) {
            return;
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
        let reached = |row: usize| if row % 1000 < 2 { vec![0, row as u32] } else { vec![row as u32] };
        check("far columns in some rows", &rows(40 * BLOCK, reached));
        check("diagonals that change", &rows(3 * BLOCK, |row| near(row, 3 * BLOCK, 1 + row / 1111)));
        let few = |rows: LocalRows, count: usize| {
            let values = (0..rows.values.len()).map(|entry| 0.5 + (entry * entry % count) as f64).collect();
            LocalRows { values, ..rows }
        };
        for count in [1, 2, 255, 256, 257, 500] {
            check("few values", &few(rows(3 * BLOCK + 5, |row| near(row, 3 * BLOCK + 5, 3 + row % 2)), count * count));
        }
        let constant = |rows: LocalRows| LocalRows { values: vec![-1.5; rows.values.len()], ..rows };
        check("one value", &constant(rows(3 * BLOCK, |row| near(row, 3 * BLOCK, 3))));
    }

    /// A stretch of rows of one kind.
    #[derive(Clone, Debug)]
    enum Stretch {
        /// The same distances from the diagonal in every row, as on a grid.
        Regular(Vec<i32>),
        /// So many columns anywhere, another number in every row.
        Scattered(u8),
        /// All columns near the row, so many to either side at most.
        Near(u8),
        Empty,
        /// Every column of the first so many.
        Full(u16),
    }

    impl Stretch {
        fn columns(&self, row: usize, columns_end: usize, random: &mut impl Rng) -> Vec<u32> {
            let mut any = |count: u64, within: &Range<usize>| -> Vec<u32> {
                let width = within.len() as u64;
                (0..count).map(|_| within.start as u32 + (random.next_u64() % width) as u32).collect()
            };
            let mut columns = match self {
                Stretch::Regular(offsets) => {
                    let columns = offsets.iter().map(|&offset| row as i64 + i64::from(offset));
                    columns.filter(|c| (0..columns_end as i64).contains(c)).map(|column| column as u32).collect()
                }
                Stretch::Scattered(most) => any(row as u64 * 7 % (u64::from(*most) + 1), &(0..columns_end)),
                Stretch::Near(reach) => {
                    let reach = usize::from(*reach) + 1;
                    any(2 * reach as u64, &(row.saturating_sub(reach)..columns_end.min(row + reach)))
                }
                Stretch::Empty => Vec::new(),
                Stretch::Full(count) => (0..columns_end.min(usize::from(*count)) as u32).collect(),
            };
            columns.sort_unstable();
            columns.dedup();
            columns
        }
    }

    fn any_stretch() -> impl Strategy<Value = (Stretch, usize)> {
        let kind = prop_oneof![
            4 => vec(-3000..3000_i32, 1..8).prop_map(Stretch::Regular),
            2 => any::<u8>().prop_map(|most| Stretch::Scattered(most % 40)),
            2 => any::<u8>().prop_map(|reach| Stretch::Near(reach % 20)),
            1 => Just(Stretch::Empty),
            1 => (1..3000_u16).prop_map(Stretch::Full),
        ];
        // Long stretches of full rows would take all the time.
        kind.prop_flat_map(|kind| {
            let most = if matches!(kind, Stretch::Full(_)) { 12_usize } else { 3000 };
            (Just(kind), prop_oneof![1..=12_usize, 1..=most])
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 120, failure_persistence: None, ..ProptestConfig::default() })]

        /// Rows of random kinds, with one value, a few, or all different.
        #[test]
        fn random_rows_in_every_format(
            stretches in vec(any_stretch(), 0..8),
            different_values in prop_oneof![Just(1), 2..300_u64, Just(u64::MAX)],
            seed in any::<u64>(),
        ) {
            let len: usize = stretches.iter().map(|(_, rows)| rows).sum();
            let (mut random, mut rows) = (ChaCha8Rng::seed_from_u64(seed), LocalRows::new());
            for stretch in stretches.iter().flat_map(|(stretch, rows)| std::iter::repeat_n(stretch, *rows)) {
                let columns = stretch.columns(rows.starts.len() - 1, len + BOUNDARY, &mut random);
                let mut value = || (random.next_u64() % different_values) as f64 / 1e3 - 2.0;
                rows.push(columns.into_iter().map(|column| (column, value())));
            }
            check("random rows", &rows);
        }
    }
}
