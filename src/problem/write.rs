//! The matrix of a problem as a Matrix Market file.

use super::{Problem, checks};
use crate::comm::{Comm, Op};
use crate::error::Result;
use crate::shared_file::write_together;
use std::fmt::Write as _;
use std::path::Path;

/// Writes the lower triangle as Matrix Market, every rank its even share; both, if they differ in a bit. Collective.
///
/// # Errors
/// When a rank cannot write its part; the same error on every rank.
///
/// # Panics
/// On the dense problem.
pub fn write_matrix(comm: &Comm, problem: &Problem, path: &Path) -> Result<()> {
    let rows = problem.even_share(comm);
    let is_symmetric = checks::Looks::at(&rows).is_exactly_symmetric(comm);
    let written = |k: usize| {
        let (columns, values) = rows.row(k);
        let row = rows.numbers[k];
        columns
            .iter()
            .zip(values)
            .filter(move |(column, _)| !is_symmetric || **column <= row)
            .map(move |(column, value)| (row + 1, column + 1, *value))
    };
    let entries = comm.reduced(Op::Sum, (0..rows.len()).map(|k| written(k).count() as u64).sum());
    let n = problem.n();
    let mut head = String::new();
    if comm.is_root() {
        let symmetry = if is_symmetric { "symmetric" } else { "general" };
        head = format!("%%MatrixMarket matrix coordinate real {symmetry}\n{n} {n} {entries}\n");
    }
    let mut text = String::new();
    for (row, column, value) in (0..rows.len()).flat_map(written) {
        writeln!(text, "{row} {column} {value:?}").expect("writing to a string succeeds");
    }
    write_together(comm, path, &[head.as_bytes(), text.as_bytes()])
}
