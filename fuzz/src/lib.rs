//! What the fuzz targets share: a file to read from, a bound on allocation, and an outcome that no number of ranks
//! may change.
//!
//! The targets call what everybody can call, [`halocg::problem::load`] and its like, on a file in memory: nothing of
//! halocg is exposed for them, and no part of a reader is left out.

mod bounded;
mod file;
mod matrix;
pub mod sums;

pub use bounded::bounded;
pub use file::path_of;
pub use matrix::read_matrix;

use halocg::comm::Comm;
use halocg::error::{Error, ExitCode, Result};

/// Fails unless `read` allocates in proportion to the file, whatever the file claims; refuses with one short sentence
/// and the exit code of bad input, of a matrix that is not positive definite, or of a mesh in which nothing holds u; and does
/// the same on three ranks.
/// Returns what one rank reads.
///
/// `read` is collective and returns a rank's share, in words.
pub fn judged(bytes: &[u8], read: impl Fn(&Comm) -> Result<Vec<u64>> + Sync) -> Result<Vec<u64>> {
    let alone = bounded(bytes, || read(&Comm::alone()));
    if let Err(error) = &alone {
        check_message(error);
    }
    // Starting threads takes longer than reading a small file.
    const ONE_IN: u64 = 1024;
    if checksum(bytes).is_multiple_of(ONE_IN) {
        let shares: Result<Vec<_>> = Comm::threads(3, &read).into_iter().collect();
        assert_eq!(shares.map(|shares| shares.concat()), alone, "three ranks against one");
    }
    alone
}

fn check_message(error: &Error) {
    let text = error.to_string();
    assert!(matches!(error.exit_code(), ExitCode::Input | ExitCode::NotSpd | ExitCode::Usage), "{:?}: {text}", error.exit_code());
    assert!(!text.is_empty() && text.len() < 500, "{} bytes: {text}", text.len());
    assert!(!text.contains(char::is_control), "{text:?}");
}

/// FNV-1a: which inputs are chosen depends on nothing but the input.
fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, &byte| (sum ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}
