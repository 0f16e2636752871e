//! How a rank keeps its interior rows in memory.
//!
//! A format is one file here and one row of [`TABLE`].

mod csr;
mod runs;

use crate::distributed::LocalRows;
use csr::Csr;
pub(super) use runs::Builder as RunsBuilder;
use runs::Runs;
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
            Storage::Runs(runs) => runs.multiply::<K>(rows, bytemuck::cast_slice(x), bytemuck::cast_slice_mut(y)),
        }
    }

    /// The entries of row `row`, in the order in which they are added up.
    pub(super) fn row(&self, row: usize) -> Box<dyn Iterator<Item = (u32, f64)> + '_> {
        match self {
            Storage::Csr(csr) => Box::new(csr.row(row)),
            Storage::Runs(runs) => Box::new(runs.row(row)),
        }
    }

    /// Memory, and what a pass must read.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Storage::Csr(csr) => csr.bytes(),
            Storage::Runs(runs) => runs.bytes(),
        }
    }

    /// Entries stored or stood for.
    pub(super) fn entries(&self) -> usize {
        match self {
            Storage::Csr(csr) => csr.entries(),
            Storage::Runs(runs) => runs.entries(),
        }
    }
}
