//! Reading a matrix or a mesh from a file, in whichever format its first bytes announce.

use crate::{judged, path_of};
use halocg::error::Result;
use halocg::problem::{self, Source};

/// What the matrix in a file of these bytes, or of the mesh in it, is, in words: of each row its number, its columns, the bits of its values.
pub fn read_matrix(bytes: &[u8]) -> Result<Vec<u64>> {
    let source = Source::File(path_of(bytes));
    judged(bytes, |comm| {
        let problem = problem::load(comm, &source)?;
        let (n, rows) = (problem.n(), problem.even_share(comm));
        let mut words = Vec::new();
        for (k, &row) in rows.numbers.iter().enumerate() {
            let (columns, values) = rows.row(k);
            assert!(columns.is_sorted_by(|a, b| a < b) && columns.iter().all(|&column| column < n), "row {row} of {n}");
            assert!(values.iter().all(|value| value.is_finite()), "row {row}: {values:?}");
            words.push(row);
            words.extend(columns);
            words.extend(values.iter().map(|value| value.to_bits()));
        }
        Ok(words)
    })
}
