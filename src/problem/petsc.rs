//! PETSc's binary files: matrices of type AIJ, and vectors, as `MatView` and `VecView` write them.
//!
//! ```text
//! matrix    1211216, rows, columns, entries; the length of each row; the column of each entry, from 0; the values
//! vector    1211214, rows; the values
//! ```
//!
//! All big-endian. Integers have 4 bytes, or 8 if PETSc was configured for 64-bit indices; values are doubles. A file may
//! hold one after the other: of those, the first matrix is the matrix and the first vector the vector. There are no
//! checksums: damage to a value shows only where it breaks the symmetry.

use super::binary::{read_numbers, to_bytes};
use super::{EvenSplit, Rows};
use crate::comm::Comm;
use crate::error::{Error, Result};
use crate::shared_file::{SharedFile, write_together};
use std::path::Path;

const MATRIX: i64 = 1211216;
const VECTOR: i64 = 1211214;

/// True for the first bytes of such a file.
pub(super) fn is_head(head: &[u8]) -> bool {
    class(head).is_some()
}

/// Which of the two begins here, and the bytes of its integers.
fn class(head: &[u8]) -> Option<(i64, Width)> {
    let short = i64::from(i32::from_be_bytes(*head.first_chunk()?));
    let long = head.first_chunk().map(|head| i64::from_be_bytes(*head));
    let is_known = |class: &i64| [MATRIX, VECTOR].contains(class);
    let short = Some(short).filter(is_known).map(|class| (class, Width::Four));
    short.or(long.filter(is_known).map(|class| (class, Width::Eight)))
}

/// Bytes of an integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// As PETSc is usually configured.
    Four = 4,
    /// With 64-bit indices.
    Eight = 8,
}

impl Width {
    fn read(self, file: &SharedFile, at: u64, count: u64) -> Result<Vec<i64>> {
        match self {
            Width::Four => read_numbers(file, at, count, |bytes| i64::from(i32::from_be_bytes(bytes)), |_| ()),
            Width::Eight => read_numbers(file, at, count, i64::from_be_bytes, |_| ()),
        }
    }

    /// The bytes of integers that fit.
    fn to_bytes(self, integers: impl IntoIterator<Item = u64>) -> Vec<u8> {
        match self {
            Width::Four => to_bytes(integers, |integer| (integer as u32).to_be_bytes()),
            Width::Eight => to_bytes(integers, u64::to_be_bytes),
        }
    }
}

/// A matrix or a vector in a file.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Object {
    class: i64,
    width: Width,
    /// Where it goes on after its sizes.
    at: u64,
    rows: u64,
    columns: u64,
    /// Stored ones of a matrix, all of a vector.
    entries: u64,
}

impl Object {
    /// Where the columns and the values of a matrix begin and where it ends; of a vector, its values and its end.
    /// None where that cannot be counted.
    fn places(&self) -> Option<[u64; 3]> {
        let width = self.width as u64;
        let (lengths, columns) = if self.class == MATRIX { (self.rows, self.entries) } else { (0, 0) };
        let columns_at = self.at.checked_add(lengths.checked_mul(width)?)?;
        let values_at = columns_at.checked_add(columns.checked_mul(width)?)?;
        Some([columns_at, values_at, values_at.checked_add(self.entries.checked_mul(8)?)?])
    }

    fn name(&self) -> &'static str {
        if self.class == MATRIX { "matrix" } else { "vector" }
    }

    fn to_words(self) -> [u64; 6] {
        [self.class as u64, self.width as u64, self.at, self.rows, self.columns, self.entries]
    }

    fn from_words([class, width, at, rows, columns, entries]: [u64; 6]) -> Object {
        let width = if width == 4 { Width::Four } else { Width::Eight };
        Object { class: class as i64, width, at, rows, columns, entries }
    }
}

/// The object that begins at `at`. Local.
fn object(file: &SharedFile, at: u64) -> Result<Object> {
    let mut head = vec![0; (file.bytes() - at).min(8) as usize];
    file.read_at(&mut head, at)?;
    let Some((class, width)) = class(&head) else {
        return Err(file.error(format!(
            "what begins at byte {at} is neither a matrix nor a vector of PETSc: the file is damaged, or was written by \
             a PETSc for complex or single-precision numbers; write it with one for real doubles"
        )));
    };
    let sizes = if class == MATRIX { 3 } else { 1 };
    let after = at + (1 + sizes) * width as u64;
    let name = if class == MATRIX { "matrix" } else { "vector" };
    if after > file.bytes() {
        return Err(file.error(format!("the sizes of the {name} are cut off: copy the file again")));
    }
    let numbers = width.read(file, at + width as u64, sizes)?;
    if class == MATRIX && numbers[2] == -1 {
        return Err(file.error("the matrix is stored dense: convert it with MatConvert to MATAIJ before MatView"));
    }
    if let Some(number) = numbers.iter().find(|number| **number < 0) {
        return Err(
            file.error(format!("the sizes of the {name} hold {number}: the file is damaged, or of another kind"))
        );
    }
    let numbers: Vec<u64> = numbers.into_iter().map(|number| number as u64).collect();
    let rows = numbers[0];
    let [columns, entries] = if class == MATRIX { [numbers[1], numbers[2]] } else { [1, rows] };
    let object = Object { class, width, at: after, rows, columns, entries };
    match object.places() {
        Some([.., end]) if end <= file.bytes() => Ok(object),
        _ => Err(file.error(format!(
            "the {name} of {rows} rows and {entries} entries, from byte {at} on, does not fit into the {} bytes of \
             the file: it is truncated, or its sizes are wrong; copy it again",
            file.bytes()
        ))),
    }
}

/// The objects of a file: how many, the first one, and the first of a class. Collective.
fn objects(comm: &Comm, file: &SharedFile, class: i64) -> Result<(u64, Object, Option<Object>)> {
    let walk = || {
        let (mut count, mut at, mut first, mut wanted) = (0, 0, None, None);
        while at < file.bytes() {
            let object = object(file, at)?;
            first.get_or_insert(object);
            if object.class == class {
                wanted.get_or_insert(object);
            }
            count += 1;
            at = object.places().expect("checked")[2];
        }
        Ok([Some([count; 6]), first.map(Object::to_words), wanted.map(Object::to_words)])
    };
    let found = comm.agree(if comm.is_root() { walk() } else { Ok([None; 3]) })?;
    let words: Vec<[u64; 6]> = comm.broadcast(0, &found.into_iter().flatten().collect::<Vec<_>>());
    let first = words.get(1).copied().expect("a file that was recognised by its first object has one");
    Ok((words[0][0], Object::from_words(first), words.get(2).copied().map(Object::from_words)))
}

/// The first object of a class. Collective.
fn open(comm: &Comm, path: &Path, class: i64) -> Result<(SharedFile, Object)> {
    let file = SharedFile::open(comm, path)?;
    let (_, first, wanted) = objects(comm, &file, class)?;
    match wanted {
        Some(object) => Ok((file, object)),
        None => Err(file.error(format!(
            "the file holds a {} of {} rows, where a {} is needed",
            first.name(),
            first.rows,
            if class == MATRIX { "matrix" } else { "vector" }
        ))),
    }
}

/// What the file holds: Ok(None) for a matrix, the length for a vector. Collective.
pub(super) fn vector_length(comm: &Comm, path: &Path) -> Result<Option<u64>> {
    let file = SharedFile::open(comm, path)?;
    let (count, first, _) = objects(comm, &file, MATRIX)?;
    if count > 1 {
        return Err(file.error(format!(
            "the file holds {count} matrices and vectors, where one is needed: write each to a file of its own"
        )));
    }
    Ok((first.class == VECTOR).then_some(first.rows))
}

/// Reads a matrix: the number of rows, and this rank's even share of them. Collective.
///
/// # Errors
/// A damaged file, or one without a matrix; a dense matrix, or one that is not square; repeated columns, values that are
/// not finite. Symmetry is not checked here.
pub fn read_matrix(comm: &Comm, path: &Path) -> Result<(u64, Rows)> {
    let (file, matrix) = open(comm, path, MATRIX)?;
    let Object { width, rows: n, columns, entries, .. } = matrix;
    if n != columns {
        return Err(file.error(format!("the matrix is {n} x {columns}: halocg needs a square one")));
    }
    if n == 0 {
        return Err(file.error("the matrix has no rows"));
    }
    if n > u64::from(u32::MAX) {
        return Err(file.error("more than 4 294 967 295 rows or columns are not supported"));
    }
    let share = EvenSplit { n, ranks: comm.size() }.share(comm.rank());
    let [columns_at, values_at, _] = matrix.places().expect("checked with the sizes");

    let lengths = width.read(&file, matrix.at + width as u64 * share.start, share.end - share.start);
    let starts = comm.agree(lengths.and_then(|lengths| {
        let mut starts = vec![0];
        for (row, length) in share.clone().zip(lengths) {
            // Not more than there are columns, so that no sum of them overflows. What is wrong with their sum is
            // said of all rows together: no rank knows how many entries are left for its own.
            match u64::try_from(length).ok().filter(|length| *length <= n) {
                Some(length) => starts.push(starts[starts.len() - 1] + length),
                None => return Err(file.error(format!("row {} has the length {length}: the file is damaged", row + 1))),
            }
        }
        Ok(starts)
    }))?;
    let here = starts[starts.len() - 1];
    let (first, in_rows) = comm.sum_before(here);
    if in_rows != entries {
        return Err(
            file.error(format!("the rows have {in_rows} entries and the matrix {entries}: the file is damaged"))
        );
    }
    let columns = width.read(&file, columns_at + width as u64 * first, here);
    let values = read_numbers(&file, values_at + 8 * first, here, f64::from_be_bytes, |_| ());
    comm.agree(columns.and_then(|columns| {
        let starts = starts.into_iter().map(|start| start as usize).collect();
        // A negative column becomes one that is too large.
        let columns = columns.into_iter().map(|column| column as u64).collect();
        let mut rows = Rows { numbers: share.collect(), starts, columns, values: values? };
        rows.sort();
        match rows.fault(n) {
            None => Ok((n, rows)),
            Some(what) => Err(file.error(format!("{what}: the file is damaged, or its writer is at fault"))),
        }
    }))
}

/// Reads a vector of `n` values: this rank's even share. Collective.
///
/// # Errors
/// A damaged file, or one without a vector; another length; values that are not finite.
pub fn read_vector(comm: &Comm, path: &Path, n: u64) -> Result<Vec<f64>> {
    let (file, vector) = open(comm, path, VECTOR)?;
    if vector.rows != n {
        return Err(file.error(format!("expected a vector of {n} values, found {}", vector.rows)));
    }
    let share = EvenSplit { n, ranks: comm.size() }.share(comm.rank());
    let values = read_numbers(&file, vector.at + 8 * share.start, share.end - share.start, f64::from_be_bytes, |_| ());
    comm.agree(values.and_then(|values| match values.iter().position(|value| !value.is_finite()) {
        None => Ok(values),
        Some(k) => {
            Err(file.error(format!("value {} is {}, not a finite number", share.start + k as u64 + 1, values[k])))
        }
    }))
}

/// Writes a matrix that is held in even shares. Collective.
///
/// # Errors
/// When a rank cannot write, or 4 bytes are too few for a size.
pub fn write_matrix(comm: &Comm, n: u64, rows: &Rows, path: &Path, width: Width) -> Result<()> {
    let (_, entries) = comm.sum_before(rows.columns.len() as u64);
    check_width(path, width, n.max(entries))?;
    let head = if comm.is_root() { width.to_bytes([MATRIX as u64, n, n, entries]) } else { Vec::new() };
    let lengths = width.to_bytes(rows.starts.windows(2).map(|pair| (pair[1] - pair[0]) as u64));
    let columns = width.to_bytes(rows.columns.iter().copied());
    let values = to_bytes(&rows.values, |value| value.to_be_bytes());
    write_together(comm, path, &[&head, &lengths, &columns, &values])
}

/// Writes a vector that is held in even shares. Collective.
///
/// # Errors
/// As for matrices.
pub fn write_vector(comm: &Comm, share: &[f64], path: &Path, width: Width) -> Result<()> {
    let (_, n) = comm.sum_before(share.len() as u64);
    check_width(path, width, n)?;
    let head = if comm.is_root() { width.to_bytes([VECTOR as u64, n]) } else { Vec::new() };
    write_together(comm, path, &[&head, &to_bytes(share, |value| value.to_be_bytes())])
}

fn check_width(path: &Path, width: Width, largest: u64) -> Result<()> {
    if width == Width::Four && largest > i32::MAX as u64 {
        return Err(Error::usage(format!(
            "{}: {largest} rows or entries are too many for PETSc's 32-bit indices: use the format petsc64",
            path.display()
        )));
    }
    Ok(())
}
