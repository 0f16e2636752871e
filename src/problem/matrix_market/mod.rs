//! Matrix Market files: coordinate and array, real, integer and pattern, general and symmetric.
//!
//! The format: <https://math.nist.gov/MatrixMarket/formats.html>. Beyond it, these are accepted:
//! either triangle of a symmetric matrix, or both if they agree; blank lines and comments anywhere;
//! CRLF; Fortran exponents (`1.0D+03`); gzip (by its magic number, whatever the file's name).
//!
//! Every rank parses the lines that begin in its part of the file ([`Text`](crate::text::Text)), and each entry
//! travels to the rank that holds its row. Nothing depends on who read it: values given for the same place are
//! added in the order of the file, and of several errors the first one in the file is reported.
//!
//! A rank needs, at its peak, 32 bytes for each entry of its even share (both triangles), 16 of them for what stays;
//! 40 bytes for each of its rows; and buffers for a few pieces of text with the entries in them.

mod body;
mod decimal;
mod header;
mod matrix;
mod numbers;
mod vector;

pub(crate) use numbers::shown;

use super::{Loaded, Reading};
use crate::comm::{Comm, Op};
use crate::error::Result;
use crate::shared_file::write_together;
use std::path::Path;

/// Lines that begin so are comments.
const COMMENTS: &[u8] = b"%";

/// Reads a square symmetric matrix, into even shares. Collective.
///
/// # Errors
/// Unreadable file; malformed text (with its line number); complex, skew-symmetric or Hermitian
/// fields; a matrix that is not square, or not symmetric. The same on every rank.
pub fn read_matrix(comm: &Comm, path: &Path, reading: &Reading) -> Result<Loaded> {
    matrix::read(comm, path, reading)
}

/// Reads a vector of length `n`, an n × 1 array or coordinate file: this rank's even share of it. Collective.
///
/// # Errors
/// As for matrices, or when the length is not `n`.
pub fn read_vector(comm: &Comm, path: &Path, n: u64, reading: &Reading) -> Result<Vec<f64>> {
    vector::read(comm, path, n, reading)
}

/// None if a file holds a matrix; the length of the vector that it holds. An array of one value is a vector. What is
/// not a regular file can be read only once, and is taken for a matrix. Collective.
///
/// # Errors
/// As for matrices, as far as the size line.
pub fn vector_length(comm: &Comm, path: &Path) -> Result<Option<u64>> {
    vector::length(comm, path)
}

/// Writes a vector that is held in even shares as an array file. Collective.
///
/// # Errors
/// When a rank cannot write; the same on every rank.
pub fn write_vector(comm: &Comm, share: &[f64], path: &Path) -> Result<()> {
    let n = comm.reduced(Op::Sum, share.len() as u64);
    let head = if comm.is_root() { vector::head(n) } else { String::new() };
    write_together(comm, path, &[head.as_bytes(), vector::lines(share).as_bytes()])
}

#[cfg(test)]
mod tests;
