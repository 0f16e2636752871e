//! The formats of matrix and vector files, told apart by their first bytes.

use super::{hcg, petsc};
use crate::comm::Comm;
use crate::error::{Error, Result};
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

/// A format of matrix and vector files; docs/formats.md says what is accepted, and how binary files are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileFormat {
    /// Matrix Market: text, perhaps compressed by gzip.
    MatrixMarket,
    /// halocg's own binary files, with checksums.
    Hcg,
    /// PETSc's binary files.
    Petsc,
    /// The same, written for a PETSc with 64-bit indices. Reading tells the two apart by itself.
    Petsc64,
}

/// Bytes that tell the formats apart.
const HEAD_BYTES: usize = 8;

impl FileFormat {
    /// Every format with its name, which is also the ending of such files, and what it is.
    pub const TABLE: &[(FileFormat, &str, &str)] = &[
        (FileFormat::MatrixMarket, "mtx", "Matrix Market: text"),
        (FileFormat::Hcg, "hcg", "halocg's own: binary, checksummed"),
        (FileFormat::Petsc, "petsc", "PETSc's binary files"),
        (FileFormat::Petsc64, "petsc64", "the same for a PETSc with 64-bit indices"),
    ];

    /// The format called `name`.
    pub fn named(name: &str) -> Option<FileFormat> {
        Self::TABLE.iter().find(|(_, known, _)| *known == name).map(|(format, ..)| *format)
    }

    /// The format that a file's ending stands for, in small letters or capitals.
    pub fn of_name(path: &Path) -> Option<FileFormat> {
        FileFormat::named(&path.extension()?.to_str()?.to_ascii_lowercase())
    }

    /// The name of the format.
    pub fn name(self) -> &'static str {
        Self::TABLE.iter().find(|(format, ..)| *format == self).expect("every format is in the table").1
    }

    /// The format that the first bytes of a file show; what has no mark of a binary format, and what is not a
    /// regular file, is taken for Matrix Market. Collective.
    ///
    /// # Errors
    /// When rank 0 cannot read the file.
    pub fn of_content(comm: &Comm, path: &Path) -> Result<FileFormat> {
        Ok(FileFormat::of_head(&head(comm, path)?))
    }

    pub(super) fn of_head(head: &[u8]) -> FileFormat {
        if hcg::is_head(head) {
            FileFormat::Hcg
        } else if petsc::is_head(head) {
            FileFormat::Petsc
        } else {
            FileFormat::MatrixMarket
        }
    }
}

/// The first bytes of a file; none of what is not a regular file. Collective.
///
/// # Errors
/// When rank 0 cannot read the file.
pub(super) fn head(comm: &Comm, path: &Path) -> Result<Vec<u8>> {
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
    Ok(comm.broadcast(0, &head))
}
