//! halocg's own binary files: a matrix by whole rows, or a vector; see docs/formats.md.
//!
//! ```text
//! header         48 bytes: mark, version, kind, rows, entries, checksums
//! row pointer    u64 per row and one more: where each row begins among the entries, and their number
//! values         f64 per entry
//! columns        u32 per entry, from 0, increasing within a row
//! ```
//!
//! All little-endian. A vector has the values only. Rows are whole (both triangles), so that a rank reads the rows of its
//! share and nothing else; half of them would save 6 bytes per entry and cost an exchange. Values come before columns
//! to lie at multiples of 8. The checksums are CRC-32, because those of pieces can be combined: every rank sums up
//! what it reads, and what they read together is each section once.

use super::binary::{read_numbers, to_bytes};
use super::{EvenSplit, Rows};
use crate::comm::Comm;
use crate::error::{Error, Result};
use crate::shared_file::{SharedFile, write_together};
use crc32fast::Hasher;
use std::path::Path;

/// The first bytes of such a file. As in PNG, they show when a file went through a transfer that changes text.
const MARK: [u8; 8] = *b"\x89HCG\r\n\x1a\n";
const VERSION: u32 = 1;
const HEADER_BYTES: u64 = 48;
const SECTIONS: [&str; 3] = ["row pointer", "values", "columns"];
const REMEDY: &str = "copy it again from where it came, or make it anew with `halocg convert`";

/// True for the first bytes of such a file, even if a transfer has changed the others of the mark.
pub(super) fn is_head(head: &[u8]) -> bool {
    head.get(1..4) == Some(&MARK[1..4])
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Kind {
    Matrix = 1,
    Vector = 2,
}

#[derive(Clone, Copy, PartialEq, Debug)]
struct Header {
    kind: Kind,
    rows: u64,
    entries: u64,
    /// Of the sections; 0 for those that a vector does not have.
    checksums: [u32; 3],
}

impl Header {
    /// Where the sections begin, and the file ends; None where that cannot be counted.
    fn places(&self) -> Option<[u64; 4]> {
        let (starts, columns) = match self.kind {
            Kind::Matrix => (self.rows.checked_add(1)?, self.entries),
            Kind::Vector => (0, 0),
        };
        let values = HEADER_BYTES.checked_add(starts.checked_mul(8)?)?;
        let columns_at = values.checked_add(self.entries.checked_mul(8)?)?;
        Some([HEADER_BYTES, values, columns_at, columns_at.checked_add(columns.checked_mul(4)?)?])
    }

    fn to_bytes(self) -> Vec<u8> {
        let mut bytes = MARK.to_vec();
        bytes.extend([VERSION, self.kind as u32].map(u32::to_le_bytes).as_flattened());
        bytes.extend([self.rows, self.entries].map(u64::to_le_bytes).as_flattened());
        bytes.extend(self.checksums.map(u32::to_le_bytes).as_flattened());
        bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
        bytes
    }

    /// The header, or what is wrong with it and what can be done.
    fn from_bytes(bytes: &[u8]) -> std::result::Result<Header, String> {
        let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("4 bytes"));
        let long = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("8 bytes"));
        if bytes[..8] != MARK {
            return Err(
                "the mark at its beginning is damaged, perhaps by a transfer as text: transfer it as binary".into()
            );
        }
        if word(8) != VERSION {
            return Err(format!(
                "the header names version {} of the format, but this halocg knows version {VERSION} only: {REMEDY}",
                word(8)
            ));
        }
        if crc32fast::hash(&bytes[..44]) != word(44) {
            return Err(format!("the header is damaged (its checksum does not fit): {REMEDY}"));
        }
        let kind = match word(12) {
            1 => Kind::Matrix,
            2 => Kind::Vector,
            kind => return Err(format!("the header names the unknown kind {kind}: {REMEDY}")),
        };
        Ok(Header { kind, rows: long(16), entries: long(24), checksums: [word(32), word(36), word(40)] })
    }
}

/// The header, checked as far as that goes without the sections. Collective.
fn read_header(comm: &Comm, file: &SharedFile) -> Result<Header> {
    if file.bytes() < HEADER_BYTES {
        return Err(
            file.error(format!("the header is cut off after {} of {HEADER_BYTES} bytes: {REMEDY}", file.bytes()))
        );
    }
    let mut bytes = vec![0; HEADER_BYTES as usize];
    let read = if comm.is_root() { file.read_at(&mut bytes, 0) } else { Ok(()) };
    comm.agree(read)?;
    // From here on every rank knows the same, and says the same.
    let header = match Header::from_bytes(&comm.broadcast(0, &bytes)) {
        Ok(header) => header,
        Err(what) => return Err(file.error(what)),
    };
    let places = header.places();
    match places.map(|places| (file.bytes().cmp(&places[3]), places)) {
        Some((std::cmp::Ordering::Equal, _)) => (),
        Some((std::cmp::Ordering::Greater, places)) => {
            let more = file.bytes() - places[3];
            return Err(file.error(format!("{more} bytes follow the last section: {REMEDY}")));
        }
        Some((_, places)) => {
            let cut = (0..3).find(|&section| file.bytes() < places[section + 1]).expect("it ends before the last one");
            return Err(file.error(format!(
                "the section `{}` is cut off: the file has {} bytes and should have {}: {REMEDY}",
                SECTIONS[cut],
                file.bytes(),
                places[3]
            )));
        }
        None => return Err(file.error(format!("the header announces more entries than any file can hold: {REMEDY}"))),
    }
    if header.kind == Kind::Vector && header.entries != header.rows {
        return Err(
            file.error(format!("the header gives {} rows and {} values: {REMEDY}", header.rows, header.entries))
        );
    }
    Ok(header)
}

/// What the file holds: Ok(None) for a matrix, the length for a vector. Collective.
pub(super) fn vector_length(comm: &Comm, path: &Path) -> Result<Option<u64>> {
    let header = read_header(comm, &SharedFile::open(comm, path)?)?;
    Ok((header.kind == Kind::Vector).then_some(header.rows))
}

/// Reads a matrix: the number of rows, and this rank's even share of them. Collective.
///
/// # Errors
/// A damaged file, or one with a vector; columns that do not increase, values that are not finite. Symmetry is not
/// checked here.
pub fn read_matrix(comm: &Comm, path: &Path) -> Result<(u64, Rows)> {
    let file = SharedFile::open(comm, path)?;
    let header = read_header(comm, &file)?;
    let (n, entries) = (header.rows, header.entries);
    if header.kind != Kind::Matrix {
        return Err(file.error(format!("the file holds a vector of {n} values, where a matrix is needed")));
    }
    if n == 0 {
        return Err(file.error("the matrix has no rows"));
    }
    let share = EvenSplit { n, ranks: comm.size() }.share(comm.rank());
    let places = header.places().expect("checked with the header");

    // The end of a share is the begin of the next one, which sums it up; the very last one is the last rank's.
    let mut counted = 8 * (share.end - share.start + u64::from(share.end == n && share.start < n));
    let mut pointer_sum = Hasher::new();
    let starts =
        read_numbers(&file, places[0] + 8 * share.start, share.end - share.start + 1, u64::from_le_bytes, |bytes| {
            let now = counted.min(bytes.len() as u64);
            counted -= now;
            pointer_sum.update(&bytes[..now as usize]);
        });
    let starts = comm.agree(starts)?;
    check_sum(comm, &file, &header, 0, pointer_sum)?;
    let (first, last) = (starts[0], starts[starts.len() - 1]);
    let fits =
        starts.is_sorted() && last <= entries && (share.start > 0 || first == 0) && (share.end < n || last == entries);
    comm.agree(if fits { Ok(()) } else { Err(file.error("the row pointer does not increase from 0 to the number of entries: the program that wrote the file is at fault")) })?;

    let (mut value_sum, mut column_sum) = (Hasher::new(), Hasher::new());
    let values =
        read_numbers(&file, places[1] + 8 * first, last - first, f64::from_le_bytes, |bytes| value_sum.update(bytes));
    let columns = read_numbers(
        &file,
        places[2] + 4 * first,
        last - first,
        |bytes| u64::from(u32::from_le_bytes(bytes)),
        |bytes| column_sum.update(bytes),
    );
    let (values, columns) = comm.agree(values.and_then(|values| Ok((values, columns?))))?;
    check_sum(comm, &file, &header, 1, value_sum)?;
    check_sum(comm, &file, &header, 2, column_sum)?;
    let starts = starts.into_iter().map(|start| (start - first) as usize).collect();
    let rows = Rows { numbers: share.collect(), starts, columns, values };
    comm.agree(match rows.fault(n) {
        None => Ok((n, rows)),
        Some(what) => Err(file.error(format!("{what}: the program that wrote the file is at fault"))),
    })
}

/// Reads a vector of `n` values: this rank's even share. Collective.
///
/// # Errors
/// A damaged file, one with a matrix, another length, values that are not finite.
pub fn read_vector(comm: &Comm, path: &Path, n: u64) -> Result<Vec<f64>> {
    let file = SharedFile::open(comm, path)?;
    let header = read_header(comm, &file)?;
    if header.kind != Kind::Vector {
        return Err(file.error(format!("the file holds a matrix of {} rows, where a vector is needed", header.rows)));
    }
    if header.rows != n {
        return Err(file.error(format!("expected a vector of {n} values, found {}", header.rows)));
    }
    let share = EvenSplit { n, ranks: comm.size() }.share(comm.rank());
    let mut sum = Hasher::new();
    let at = HEADER_BYTES + 8 * share.start;
    let values = read_numbers(&file, at, share.end - share.start, f64::from_le_bytes, |bytes| sum.update(bytes));
    let values = comm.agree(values)?;
    check_sum(comm, &file, &header, 1, sum)?;
    comm.agree(match values.iter().position(|value| !value.is_finite()) {
        None => Ok(values),
        Some(k) => {
            Err(file.error(format!("value {} is {}, not a finite number", share.start + k as u64 + 1, values[k])))
        }
    })
}

/// Compares what the ranks have read of a section, each a piece and in their order, with its checksum. Collective.
fn check_sum(comm: &Comm, file: &SharedFile, header: &Header, section: usize, piece: Hasher) -> Result<()> {
    let (found, stored) = (combined(comm, piece), header.checksums[section]);
    if found == stored {
        return Ok(());
    }
    Err(file.error(format!(
        "the section `{}` is damaged: its checksum is {found:08x} and should be {stored:08x}: {REMEDY}",
        SECTIONS[section]
    )))
}

/// The checksum of the pieces of all ranks, one after the other; on every rank. Collective.
fn combined(comm: &Comm, piece: Hasher) -> u32 {
    let bytes = piece.total_len();
    let mut whole = Hasher::new();
    for piece in comm.gather(0, &[u64::from(piece.finalize()), bytes]) {
        whole.combine(&Hasher::new_with_initial_len(piece[0] as u32, piece[1]));
    }
    comm.broadcast(0, &[whole.finalize()])[0]
}

/// Writes a matrix that is held in even shares. Collective.
///
/// # Errors
/// When a rank cannot write, or there are too many rows for the format.
pub fn write_matrix(comm: &Comm, n: u64, rows: &Rows, path: &Path) -> Result<()> {
    if n > u64::from(u32::MAX) {
        return Err(Error::usage(format!("{}: the format holds at most {} rows, not {n}", path.display(), u32::MAX)));
    }
    let (before, entries) = comm.sum_before(rows.columns.len() as u64);
    // Each row's begin; the end of them all is written by the last rank.
    let starts = if comm.rank() + 1 == comm.size() { &rows.starts[..] } else { &rows.starts[..rows.len()] };
    let starts = to_bytes(starts, |start| (before + *start as u64).to_le_bytes());
    let columns = to_bytes(&rows.columns, |column| (*column as u32).to_le_bytes());
    write(
        comm,
        Kind::Matrix,
        [n, entries],
        [starts, to_bytes(&rows.values, |value| value.to_le_bytes()), columns],
        path,
    )
}

/// Writes a vector that is held in even shares. Collective.
///
/// # Errors
/// When a rank cannot write.
pub fn write_vector(comm: &Comm, share: &[f64], path: &Path) -> Result<()> {
    let (_, n) = comm.sum_before(share.len() as u64);
    write(comm, Kind::Vector, [n, n], [Vec::new(), to_bytes(share, |value| value.to_le_bytes()), Vec::new()], path)
}

/// Each rank's bytes of every section, behind the header. Collective.
fn write(comm: &Comm, kind: Kind, [rows, entries]: [u64; 2], sections: [Vec<u8>; 3], path: &Path) -> Result<()> {
    let checksums = [0, 1, 2].map(|section: usize| {
        let mut piece = Hasher::new();
        piece.update(&sections[section]);
        combined(comm, piece)
    });
    let header = Header { kind, rows, entries, checksums };
    let header = if comm.is_root() { header.to_bytes() } else { Vec::new() };
    write_together(comm, path, &[&header, &sections[0], &sections[1], &sections[2]])
}
