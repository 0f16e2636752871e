//! A symmetric matrix from its entries: duplicates added, the two triangles set against each other.

use super::body::{self, Entry, Take, line_of_entry, line_of_value};
use super::header::{Header, Layout};
use super::{COMMENTS, Loaded, Reading};
use crate::comm::{Comm, Op};
use crate::error::{Error, Result};
use crate::problem::arrivals::Arrivals;
use crate::problem::checks::{self, Looks, asymmetry, close, first};
use crate::problem::{Problem, Rows};
use crate::text::{Head, Items, Text};
use std::path::Path;

/// Layers of [`Arrivals`].
const LOWER: usize = 0;
const UPPER: usize = 1;

const ONE_TRIANGLE: &str = "the file says `general` but holds only one triangle; write `symmetric` on its first line";

/// Entries of a matrix: of a symmetric one they go to both of their rows.
#[derive(Clone, Copy)]
struct Entries {
    symmetric: bool,
    is_array: bool,
}

impl Take for Entries {
    #[inline(always)]
    fn take(self, arrivals: &mut Arrivals, (i, j, value): Entry) {
        // Zeros off the diagonal couple nothing; stored on one side only they would make the pattern unsymmetric.
        if value == 0.0 && (i != j || self.is_array) {
            return;
        }
        let layer = if self.symmetric && i < j { UPPER } else { LOWER };
        arrivals.put(i, j, value, layer);
        if self.symmetric && i != j {
            arrivals.put(j, i, value, layer);
        }
    }
}

pub(super) fn read(comm: &Comm, path: &Path, reading: &Reading) -> Result<Loaded> {
    let mut text = Text::open(comm, path, COMMENTS, reading.piece_bytes)?;
    let header = Header::from_words(text.head(|head| {
        let header = Header::read(head, false)?;
        check(head, &header)?;
        Ok(header.to_words())
    })?);
    let symmetric = header.symmetric;
    let is_array = header.layout == Layout::Array;
    let take = Entries { symmetric, is_array };
    let arrivals = body::read(comm, &mut text, path, &header, shortest(&header), take)?;
    let (rows, has_layers) = arrivals.into_rows();
    let (rows, found) = merged(rows, has_layers, symmetric);
    let n = header.rows;
    let file = path.display();

    if let Some([i, j, upper, lower]) = first(comm, found.contradiction) {
        let at = line(&mut text, &header, (j, i))?;
        let (upper, lower) = (f64::from_bits(upper), f64::from_bits(lower));
        let (i, j) = (i + 1, j + 1);
        return Err(Error::not_spd(format!(
            "{file}{at}: the file says `symmetric` but stores both A({j},{i}) = {upper} and A({i},{j}) = {lower}"
        )));
    }
    if let Some([i, j]) = first(comm, found.looks.not_finite) {
        let at = line(&mut text, &header, (i, j))?;
        let (i, j) = (i + 1, j + 1);
        return Err(Error::input(format!("{file}{at}: the values given for A({i},{j}) add up to no finite number")));
    }
    if let Some([i, value]) = first(comm, found.looks.not_positive).filter(|_| !is_array && !reading.any_diagonal) {
        let at = line(&mut text, &header, (i, i))?;
        return Err(Error::not_spd(format!("{file}{at}: {}", checks::bad_diagonal(i, f64::from_bits(value)))));
    }
    if !symmetric
        && !reading.assume_symmetric
        && !found.looks.is_exactly_symmetric(comm)
        && let Some(asymmetric) = asymmetry(comm, n, &rows)
    {
        let at = line(&mut text, &header, (asymmetric.row, asymmetric.column))?;
        let what = asymmetric.words(ONE_TRIANGLE);
        return Err(Error::not_spd(format!("{file}{at}: {what}")));
    }
    if !reading.any_diagonal
        && let Some(what) = found.looks.bad_diagonal(comm)
    {
        return Err(Error::not_spd(format!("{file}: {what}")));
    }
    Ok(Loaded { problem: Problem::Matrix(n, rows), duplicates: comm.reduced(Op::Sum, found.duplicates) })
}

/// Bytes that an entry takes at least: its numbers, one digit each, and what ends them.
fn shortest(header: &Header) -> u64 {
    match (header.layout, header.pattern) {
        (Layout::Coordinate, true) => 4,
        (Layout::Coordinate, false) => 6,
        (Layout::Array, _) => 2,
    }
}

/// What the size line alone makes impossible.
fn check(head: &Head, header: &Header) -> Result<()> {
    let Header { rows, columns, entries, .. } = *header;
    if rows != columns {
        return Err(head.error(format!("the matrix is {rows} x {columns}: halocg needs a square one")));
    }
    if rows == 0 {
        return Err(head.error("the matrix has no rows"));
    }
    if rows > u64::from(u32::MAX) {
        return Err(head.error("more than 4 294 967 295 rows or columns are not supported"));
    }
    if let Some(what) = head.bytes_left().and_then(|bytes| header.lacks_room(bytes, shortest(header))) {
        return Err(head.error(what));
    }
    if header.layout == Layout::Coordinate && entries < rows {
        // Also keeps the memory for rows within the file's size.
        return Err(head.error(format!(
            "{rows} rows but only {entries} entries: a positive definite matrix has an entry on every place of its diagonal"
        )));
    }
    Ok(())
}

/// `:LINE` of the entry at this place, where the file can be read again. Collective.
fn line(text: &mut Text, header: &Header, place: (u64, u64)) -> Result<String> {
    let line = match header.layout {
        Layout::Coordinate => text.line_where(Items::Lines, |piece| line_of_entry(piece, place)),
        Layout::Array => text.line_where(body::items(header), |piece| line_of_value(piece, header.rows, place)),
    };
    Ok(line?.map_or(String::new(), |line| format!(":{line}")))
}

/// What is noticed while entries are added, each time the first in this rank's rows; row and column from 0.
#[derive(Default)]
struct Found {
    /// Entries beyond the first one at their place and in their triangle.
    duplicates: u64,
    /// Row, column below it, and the bits of the values above and below the diagonal.
    contradiction: Option<[u64; 4]>,
    /// What the rows show that came of it.
    looks: Looks,
}

/// Adds what lies at the same place, in the order of the file. A symmetric file may hold either triangle, a mixture, or
/// (against the format, but it happens) both: an entry present in both must agree, and counts once.
fn merged(mut rows: Rows, has_layers: bool, symmetric: bool) -> (Rows, Found) {
    let shift = u32::from(has_layers);
    let mut found = Found::default();
    let (mut read, mut written) = (0, 0);
    let mut scratch = Vec::new();
    for k in 0..rows.numbers.len() {
        let (row, end) = (rows.numbers[k], rows.starts[k + 1]);
        let columns = &mut rows.columns[read..end];
        // Nearly always every place is given once, in order.
        if !has_layers && written == read && columns.is_sorted_by(|one, next| one < next) {
            found.looks.row(row, columns, &rows.values[read..end], !symmetric);
            (read, written) = (end, end);
            continue;
        }
        sort_row(columns, &mut rows.values[read..end], &mut scratch);
        let begin = written;
        while read < end {
            let column = rows.columns[read] >> shift;
            let mut layers = [None; 2];
            while read < end && rows.columns[read] >> shift == column {
                let layer = if has_layers { (rows.columns[read] & 1) as usize } else { LOWER };
                // An entry beside the diagonal came to both of its rows; it is counted where the file has it.
                let is_here = !symmetric || (column <= row) == (layer == LOWER);
                found.duplicates += u64::from(layers[layer].is_some() && is_here);
                layers[layer] = Some(layers[layer].map_or(rows.values[read], |sum: f64| sum + rows.values[read]));
                read += 1;
            }
            if let [Some(lower), Some(upper)] = layers
                && column < row
                && !close(upper, lower)
            {
                found.contradiction.get_or_insert([row, column, upper.to_bits(), lower.to_bits()]);
            }
            let value = layers[LOWER].or(layers[UPPER]).expect("there is an entry in one of the layers");
            (rows.columns[written], rows.values[written]) = (column, value);
            written += 1;
        }
        found.looks.row(row, &rows.columns[begin..written], &rows.values[begin..written], !symmetric);
        rows.starts[k + 1] = written;
    }
    rows.columns.truncate(written);
    rows.values.truncate(written);
    (rows, found)
}

/// Sorts by column; equal ones keep their order.
fn sort_row(columns: &mut [u64], values: &mut [f64], entries: &mut Vec<(u64, f64)>) {
    if columns.is_sorted() {
        return;
    }
    entries.clear();
    entries.extend(columns.iter().copied().zip(values.iter().copied()));
    entries.sort_by_key(|entry| entry.0);
    for ((column, value), entry) in columns.iter_mut().zip(values).zip(entries) {
        (*column, *value) = *entry;
    }
}
