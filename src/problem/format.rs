//! The formats of matrix and vector files, told apart by their first bytes.

use crate::comm::Comm;
use crate::error::{Error, Result};
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

/// A format of matrix and vector files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileFormat {
    /// Text, perhaps compressed: see [`matrix_market`](super::matrix_market).
    MatrixMarket,
}

/// Bytes that tell the formats apart.
const HEAD_BYTES: usize = 8;

impl FileFormat {
    /// The format that the first bytes of a file show; what has no mark of a binary format, and what is not a
    /// regular file, is taken for Matrix Market. Collective.
    ///
    /// # Errors
    /// When rank 0 cannot read the file.
    pub fn of_content(comm: &Comm, path: &Path) -> Result<FileFormat> {
        let head = || {
            let mut head = Vec::new();
            // A pipe can be read only once, and not here.
            if std::fs::metadata(path)?.is_file() {
                File::open(path)?.take(HEAD_BYTES as u64).read_to_end(&mut head)?;
            }
            Ok(head)
        };
        let head = if comm.is_root() { head() } else { Ok(Vec::new()) };
        let head = comm.agree(head.map_err(|cause| Error::io("read it", path, &cause)))?;
        Ok(FileFormat::of_head(&comm.broadcast(0, &head)))
    }

    fn of_head(_: &[u8]) -> FileFormat {
        FileFormat::MatrixMarket
    }
}
