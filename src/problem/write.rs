//! The matrix of a problem as a Matrix Market file.

use super::Problem;
use crate::comm::{Comm, Op};
use crate::error::Result;
use crate::files::Target;
use std::io::Write as _;
use std::path::Path;

/// Writes the lower triangle as Matrix Market, share after share: rank 0 never holds more than one. Collective.
///
/// # Errors
/// When rank 0 cannot write the file; the same error on every rank.
///
/// # Panics
/// On the dense problem.
pub fn write_matrix(comm: &Comm, problem: &Problem, path: &Path) -> Result<()> {
    let rows = problem.even_share(comm);
    let lower = |k: usize| {
        let (columns, values) = rows.row(k);
        let row = rows.numbers[k];
        columns
            .iter()
            .zip(values)
            .filter(move |(column, _)| **column <= row)
            .map(move |(column, value)| (row + 1, column + 1, *value))
    };
    let entries = comm.reduced(Op::Sum, (0..rows.len()).map(|k| lower(k).count() as u64).sum());
    let n = problem.n();
    let target = Target::of(path);
    let mut file = Ok(None);
    if comm.is_root() {
        let header = format!("%%MatrixMarket matrix coordinate real symmetric\n{n} {n} {entries}\n");
        file = std::fs::File::create(&target.beside)
            .and_then(|mut file| file.write_all(header.as_bytes()).map(|()| Some(file)));
    }
    for writer in 0..comm.size() {
        let mut text = Vec::new();
        if writer == comm.rank() {
            for (row, column, value) in (0..rows.len()).flat_map(lower) {
                writeln!(text, "{row} {column} {value:?}").expect("writing to memory succeeds");
            }
        }
        let pieces = if writer == comm.rank() { vec![(0, text)] } else { Vec::new() };
        for (_, text) in comm.sparse_exchange(pieces) {
            if let Ok(Some(open)) = &mut file
                && let Err(cause) = open.write_all(&text)
            {
                file = Err(cause);
            }
        }
    }
    comm.agree(if comm.is_root() { target.finish(file.map(drop), path) } else { Ok(()) })
}
