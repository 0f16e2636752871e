//! Matrix Market files: coordinate and array, real, integer and pattern, general and symmetric.
//!
//! The format: <https://math.nist.gov/MatrixMarket/formats.html>. Beyond it, these are accepted:
//! either triangle of a symmetric matrix, or both if they agree; blank lines and comments anywhere;
//! CRLF; Fortran exponents (`1.0D+03`); gzip (by its magic number, whatever the file's name).

use crate::comm::{Comm, Op};
use crate::error::{Error, Result};
use crate::shared_file::write_together;
use sprs::{CsMat, TriMat};
use std::fmt::Write as _;
use std::io::Read;
use std::path::Path;

/// How far the two halves of a general matrix may differ, relative to the larger entry, before it
/// is called asymmetric: files are often printed with 13 to 16 digits.
const SYMMETRY_TOLERANCE: f64 = 1e-10;

/// A symmetric matrix as read, on one rank, both triangles, columns increasing within a row.
pub type SerialMatrix = CsMat<f64>;

/// Reads a square symmetric matrix.
///
/// # Errors
/// Unreadable file; malformed text (with its line number); complex, skew-symmetric or Hermitian
/// fields; a matrix that is not square, or not symmetric.
pub fn read_matrix(path: &Path) -> Result<SerialMatrix> {
    parse_matrix(&read_bytes(path)?, &path.display().to_string())
}

/// Reads a vector of length `n`: an n × 1 array or coordinate file.
///
/// # Errors
/// As for matrices, or when the length is not `n`.
pub fn read_vector(path: &Path, n: u64) -> Result<Vec<f64>> {
    parse_vector(&read_bytes(path)?, &path.display().to_string(), n)
}

/// None if a file holds a matrix; the length of the vector that it holds. An array of one value is a vector. What is
/// not a regular file can be read only once, and is taken for a matrix.
///
/// # Errors
/// As for matrices, as far as the size line.
pub fn vector_length(path: &Path) -> Result<Option<u64>> {
    if !std::fs::metadata(path).is_ok_and(|there| there.is_file()) {
        return Ok(None);
    }
    let text = read_bytes(path)?;
    let mut lines = Lines { file: &path.display().to_string(), rest: &text, number: 0 };
    let header = parse_header(&mut lines)?;
    let is_array = header.layout == Layout::Array;
    let [rows, columns] =
        if is_array { parse_sizes::<2>(&mut lines)? } else { parse_sizes::<3>(&mut lines).map(|[i, j, _]| [i, j])? };
    Ok((columns == 1 && (rows > 1 || is_array) && !header.symmetric).then_some(rows))
}

/// Writes a vector that is held in even shares as an array file. Collective.
///
/// # Errors
/// When a rank cannot write; the same on every rank.
pub fn write_vector(comm: &Comm, share: &[f64], path: &Path) -> Result<()> {
    let n = comm.reduced(Op::Sum, share.len() as u64);
    let header = if comm.is_root() { vector_header(n) } else { String::new() };
    write_together(comm, path, &[header.as_bytes(), vector_text(share).as_bytes()])
}

fn vector_header(n: u64) -> String {
    format!("%%MatrixMarket matrix array real general\n{n} 1\n")
}

fn vector_text(values: &[f64]) -> String {
    let mut text = String::new();
    for value in values {
        writeln!(text, "{value:?}").expect("writing to a string succeeds");
    }
    text
}

fn read_bytes(path: &Path) -> Result<Vec<u8>> {
    let failed = |cause| Error::io("read it", path, &cause);
    let bytes = std::fs::read(path).map_err(failed)?;
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(bytes);
    }
    let mut text = Vec::new();
    flate2::read::MultiGzDecoder::new(&bytes[..])
        .read_to_end(&mut text)
        .map_err(|cause| Error::input(format!("{}: damaged gzip file: {cause}", path.display())))?;
    Ok(text)
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Layout {
    Coordinate,
    Array,
}

#[derive(Clone, Copy, PartialEq, Debug)]
struct Header {
    layout: Layout,
    pattern: bool,
    symmetric: bool,
}

/// The lines of a file that carry data, with their numbers.
struct Lines<'a> {
    file: &'a str,
    rest: &'a [u8],
    number: usize,
}

impl<'a> Lines<'a> {
    fn next_any(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        let end = self.rest.iter().position(|&byte| byte == b'\n').unwrap_or(self.rest.len());
        let line = &self.rest[..end];
        self.rest = self.rest.get(end + 1..).unwrap_or_default();
        self.number += 1;
        Some(line.trim_ascii())
    }

    /// The next line that is neither blank nor a comment.
    fn next_data(&mut self) -> Option<&'a [u8]> {
        loop {
            let line = self.next_any()?;
            if !line.is_empty() && line[0] != b'%' {
                return Some(line);
            }
        }
    }

    fn error(&self, what: impl std::fmt::Display) -> Error {
        Error::input(format!("{}:{}: {what}", self.file, self.number))
    }
}

/// A piece of the file for a message: short, and without what a terminal would obey.
pub(crate) fn shown(word: &[u8]) -> String {
    let text = String::from_utf8_lossy(word);
    let harmless = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    let start: String = text.chars().take(40).map(harmless).collect();
    let dots = if text.chars().nth(40).is_some() { "..." } else { "" };
    format!("`{start}{dots}`")
}

fn parse_header(lines: &mut Lines) -> Result<Header> {
    let line = lines.next_any().unwrap_or_default();
    let lower = line.to_ascii_lowercase();
    let words: Vec<&[u8]> = lower.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).collect();
    let [b"%%matrixmarket", b"matrix", layout, field, symmetry] = words[..] else {
        lines.number = lines.number.max(1);
        return Err(lines.error(format!(
            "not a Matrix Market matrix: the first line must read \
             `%%MatrixMarket matrix coordinate|array real|integer|pattern general|symmetric`, not {}",
            shown(line)
        )));
    };
    let layout = match layout {
        b"coordinate" => Layout::Coordinate,
        b"array" => Layout::Array,
        other => {
            return Err(lines.error(format!("unknown layout {}: use `coordinate` or `array`", shown(other))));
        }
    };
    let pattern = match field {
        b"real" | b"double" | b"integer" => false,
        b"pattern" if layout == Layout::Coordinate => true,
        b"pattern" => return Err(lines.error("an array file holds values: `array pattern` does not exist")),
        b"complex" => {
            return Err(lines.error("the file is complex: halocg solves real symmetric systems only"));
        }
        other => {
            return Err(lines.error(format!("unknown field {}: use `real`, `integer` or `pattern`", shown(other))));
        }
    };
    let symmetric = match symmetry {
        b"general" => false,
        b"symmetric" => true,
        b"skew-symmetric" => {
            return Err(
                lines.error("the matrix is skew-symmetric: halocg solves symmetric positive definite systems only")
            );
        }
        b"hermitian" => {
            return Err(lines.error("the matrix is Hermitian: halocg solves real symmetric systems only"));
        }
        other => {
            return Err(lines.error(format!("unknown symmetry {}: use `general` or `symmetric`", shown(other))));
        }
    };
    Ok(Header { layout, pattern, symmetric })
}

/// The next whitespace-separated word; the rest of the line moves on.
#[inline]
fn word<'a>(line: &mut &'a [u8]) -> &'a [u8] {
    let start = line.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(line.len());
    let rest = &line[start..];
    let end = rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
    *line = &rest[end..];
    &rest[..end]
}

#[inline]
fn whole(word: &[u8]) -> Option<u64> {
    let digits = word.strip_prefix(b"+").unwrap_or(word);
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |number, &byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

/// A finite real number.
#[inline]
fn real(word: &[u8]) -> Option<f64> {
    let word = word.strip_prefix(b"+").unwrap_or(word);
    let parsed = fast_float2::parse::<f64, _>(word).or_else(|error| {
        // Fortran writes exponents with a D.
        let exponent = word.iter().position(|byte| matches!(byte, b'd' | b'D')).ok_or(error)?;
        let mut word = word.to_vec();
        word[exponent] = b'e';
        fast_float2::parse(word)
    });
    parsed.ok().filter(|value| value.is_finite())
}

fn value_of(lines: &Lines, word: &[u8]) -> Result<f64> {
    if word.is_empty() {
        return Err(lines.error("the value is missing"));
    }
    real(word).ok_or_else(|| lines.error(format!("{} is not a finite number", shown(word))))
}

fn end_of_line(lines: &Lines, line: &[u8]) -> Result<()> {
    match line.trim_ascii() {
        [] => Ok(()),
        rest => Err(lines.error(format!("unexpected {} after the last value of the line", shown(rest)))),
    }
}

/// The size line: `count` whole numbers.
fn parse_sizes<const COUNT: usize>(lines: &mut Lines) -> Result<[u64; COUNT]> {
    let expected = if COUNT == 3 { "rows columns entries" } else { "rows columns" };
    let Some(mut line) = lines.next_data() else {
        return Err(lines.error(format!("the file ends before its size line (`{expected}`)")));
    };
    let mut sizes = [0; COUNT];
    for size in &mut sizes {
        let text = word(&mut line);
        *size = whole(text).ok_or_else(|| {
            let found = if text.is_empty() { "nothing more".into() } else { shown(text) };
            lines.error(format!("the size line must hold {COUNT} whole numbers (`{expected}`); found {found}"))
        })?;
    }
    end_of_line(lines, line)?;
    Ok(sizes)
}

/// What an index costs the reader in memory is bounded by what the file can hold.
fn check_size(lines: &Lines, rows: u64, columns: u64, entries: u64, bytes_per_entry: u64) -> Result<()> {
    if rows > u64::from(u32::MAX) || columns > u64::from(u32::MAX) {
        return Err(lines.error("more than 4 294 967 295 rows or columns are not supported"));
    }
    let room = lines.rest.len() as u64 / bytes_per_entry + 1;
    if entries > room {
        return Err(lines.error(format!(
            "the size line announces {entries} entries, but the rest of the file has room for at most {room}: it is truncated, or the count is wrong"
        )));
    }
    Ok(())
}

fn parse_matrix(text: &[u8], file: &str) -> Result<SerialMatrix> {
    let mut lines = Lines { file, rest: text, number: 0 };
    let header = parse_header(&mut lines)?;
    match header.layout {
        Layout::Coordinate => {
            let [rows, columns, entries] = parse_sizes::<3>(&mut lines)?;
            check_square(&lines, rows, columns)?;
            let shortest = if header.pattern { 4 } else { 6 };
            check_size(&lines, rows, columns, entries, shortest)?;
            if entries < rows {
                // Also keeps the memory for rows within the file's size.
                return Err(lines.error(format!(
                    "{rows} rows but only {entries} entries: a positive definite matrix has an entry on every place of its diagonal"
                )));
            }
            let first = (lines.rest, lines.number);
            let triplets = parse_coordinates(&mut lines, header, [rows, columns], entries)?;
            let where_is = |i: usize, j: usize| {
                let mut again = Lines { file, rest: first.0, number: first.1 };
                while let Some(mut line) = again.next_data() {
                    let place = (whole(word(&mut line)), whole(word(&mut line)));
                    if place == (Some(i as u64 + 1), Some(j as u64 + 1)) {
                        break;
                    }
                }
                again.number
            };
            let matrix: SerialMatrix =
                if header.symmetric { merge_triangles(&triplets, file, where_is)? } else { triplets.to_csr() };
            if let Some((_, (i, j))) = matrix.iter().find(|(value, _)| !value.is_finite()) {
                let (line, i, j) = (where_is(i, j), i + 1, j + 1);
                return Err(Error::input(format!(
                    "{file}:{line}: the values given for A({i},{j}) add up to no finite number"
                )));
            }
            for (i, value) in matrix.diag_iter().enumerate() {
                // A missing entry has no line; it is found when the diagonal is checked on its owner.
                if let Some(value) = value.filter(|value| **value <= 0.0) {
                    let (line, i) = (where_is(i, i), i + 1);
                    return Err(Error::not_spd(format!(
                        "{file}:{line}: A({i},{i}) = {value}: a positive definite matrix has a positive diagonal"
                    )));
                }
            }
            if !header.symmetric {
                check_symmetric(&matrix, file, where_is)?;
            }
            Ok(matrix)
        }
        Layout::Array => {
            let [rows, columns] = parse_sizes::<2>(&mut lines)?;
            check_square(&lines, rows, columns)?;
            let entries = if header.symmetric { rows.saturating_mul(rows + 1) / 2 } else { rows.saturating_mul(rows) };
            check_size(&lines, rows, columns, entries, 2)?;
            parse_dense(&mut lines, header, rows as usize, file)
        }
    }
}

fn check_square(lines: &Lines, rows: u64, columns: u64) -> Result<()> {
    if rows != columns {
        return Err(lines.error(format!("the matrix is {rows} x {columns}: halocg needs a square one")));
    }
    if rows == 0 {
        return Err(lines.error("the matrix has no rows"));
    }
    Ok(())
}

fn parse_coordinates(
    lines: &mut Lines,
    header: Header,
    [rows, columns]: [u64; 2],
    entries: u64,
) -> Result<TriMat<f64>> {
    let mut triplets = TriMat::with_capacity((rows as usize, columns as usize), entries as usize);
    for found in 0..entries {
        let Some(mut line) = lines.next_data() else {
            return Err(lines.error(format!(
                "the file ends after {found} of {entries} announced entries: it is truncated, or the count is wrong"
            )));
        };
        let mut index = |what, n| {
            let text = word(&mut line);
            match whole(text) {
                Some(number) if (1..=n).contains(&number) => Ok(number as usize - 1),
                Some(number) => Err(lines.error(format!("{what} {number} is outside 1 ... {n} (indices start at 1)"))),
                None if text.is_empty() => Err(lines.error(format!("the {what} number is missing"))),
                None => Err(lines.error(format!("{} is not a {what} number", shown(text)))),
            }
        };
        let (i, j) = (index("row", rows)?, index("column", columns)?);
        let value = if header.pattern { 1.0 } else { value_of(lines, word(&mut line))? };
        end_of_line(lines, line)?;
        // Zeros off the diagonal couple nothing; stored on one side only they would make the pattern unsymmetric.
        if value != 0.0 || i == j {
            triplets.add_triplet(i, j, value);
        }
    }
    match lines.next_data() {
        None => Ok(triplets),
        Some(line) => Err(lines.error(format!(
            "{} follows the {entries} announced entries: the count on the size line is wrong",
            shown(line)
        ))),
    }
}

/// Both triangles of a matrix of which a symmetric file may hold either, a mixture, or (against
/// the format, but it happens) both: an entry present in both must agree, and counts once.
fn merge_triangles(
    triplets: &TriMat<f64>,
    file: &str,
    where_is: impl Fn(usize, usize) -> usize + Copy,
) -> Result<SerialMatrix> {
    let half = |keep: fn(usize, usize) -> bool| -> SerialMatrix {
        let mut half = TriMat::with_capacity(triplets.shape(), triplets.nnz());
        for (&value, (i, j)) in triplets.triplet_iter() {
            if keep(i, j) {
                half.add_triplet(i.max(j), i.min(j), value);
            }
        }
        half.to_csr()
    };
    let (lower, upper) = (half(|i, j| i >= j), half(|i, j| i < j));
    let mut both = TriMat::with_capacity(triplets.shape(), 2 * triplets.nnz());
    let mut add = |i, j, value| {
        both.add_triplet(i, j, value);
        if i != j {
            both.add_triplet(j, i, value);
        }
    };
    for (&value, (i, j)) in lower.iter() {
        add(i, j, value);
    }
    for (&value, (i, j)) in upper.iter() {
        match lower.get(i, j) {
            None => add(i, j, value),
            Some(&other) if close(value, other) => {}
            Some(other) => {
                return Err(Error::not_spd(format!(
                    "{file}:{}: the file says `symmetric` but stores both A({},{}) = {value} and A({},{}) = {other}",
                    where_is(j, i),
                    j + 1,
                    i + 1,
                    i + 1,
                    j + 1
                )));
            }
        }
    }
    Ok(both.to_csr())
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= SYMMETRY_TOLERANCE * a.abs().max(b.abs())
}

fn check_symmetric(matrix: &SerialMatrix, file: &str, where_is: impl Fn(usize, usize) -> usize) -> Result<()> {
    let transposed: SerialMatrix = matrix.transpose_view().to_csr();
    let mut one_sided = 0;
    let mut first: Option<(usize, usize, f64)> = None;
    for (row, (mine, theirs)) in matrix.outer_iterator().zip(transposed.outer_iterator()).enumerate() {
        // An entry of the transposed row that is missing here is found from its own row.
        for (column, &value) in mine.iter() {
            let partner = theirs.get(column).copied();
            one_sided += usize::from(partner.is_none());
            if !close(value, partner.unwrap_or(0.0)) && first.is_none() {
                first = Some((row, column, value));
            }
        }
    }
    let Some((i, j, value)) = first else {
        return Ok(());
    };
    let off_diagonal = matrix.nnz() - matrix.diag_iter().flatten().count();
    let remedy = if one_sided == off_diagonal {
        ": the file says `general` but holds only one triangle; write `symmetric` on its first line"
    } else {
        ": halocg solves symmetric positive definite systems only"
    };
    let partner = matrix.get(j, i).map_or("missing".to_string(), |value| value.to_string());
    Err(Error::not_spd(format!(
        "{file}:{}: the matrix is not symmetric: A({},{}) = {value} but A({},{}) is {partner}{remedy}",
        where_is(i, j),
        i + 1,
        j + 1,
        j + 1,
        i + 1
    )))
}

/// The values of an array file: whitespace-separated, usually one a line.
fn parse_values(lines: &mut Lines, count: usize, mut put: impl FnMut(usize, f64)) -> Result<()> {
    let mut found = 0;
    while let Some(mut line) = lines.next_data() {
        loop {
            let text = word(&mut line);
            if text.is_empty() {
                break;
            }
            let value = value_of(lines, text)?;
            if found == count {
                return Err(lines
                    .error(format!("{} follows the {count} announced values: the size line is wrong", shown(text))));
            }
            put(found, value);
            found += 1;
        }
    }
    if found < count {
        return Err(lines.error(format!(
            "the file ends after {found} of {count} values: it is truncated, or the size line is wrong"
        )));
    }
    Ok(())
}

fn parse_dense(lines: &mut Lines, header: Header, n: usize, file: &str) -> Result<SerialMatrix> {
    let mut triplets = TriMat::new((n, n));
    let count = if header.symmetric { n * (n + 1) / 2 } else { n * n };
    let first = (lines.rest, lines.number);
    let (mut i, mut j) = (0, 0);
    parse_values(lines, count, |_, value| {
        // Column by column; of a symmetric matrix the part from the diagonal down.
        if value != 0.0 {
            triplets.add_triplet(i, j, value);
            if header.symmetric && i != j {
                triplets.add_triplet(j, i, value);
            }
        }
        i += 1;
        if i == n {
            j += 1;
            i = if header.symmetric { j } else { 0 };
        }
    })?;
    let matrix: SerialMatrix = triplets.to_csr();
    if !header.symmetric {
        check_symmetric(&matrix, file, |i, j| {
            let mut again = Lines { file, rest: first.0, number: first.1 };
            let mut values = 0;
            while values <= j * n + i {
                let Some(line) = again.next_data() else { break };
                values += line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).count();
            }
            again.number
        })?;
    }
    Ok(matrix)
}

fn parse_vector(text: &[u8], file: &str, n: u64) -> Result<Vec<f64>> {
    let mut lines = Lines { file, rest: text, number: 0 };
    let header = parse_header(&mut lines)?;
    if header.symmetric {
        return Err(lines.error("a vector cannot be `symmetric`"));
    }
    let check_shape = |lines: &Lines, rows: u64, columns: u64| {
        if (rows, columns) != (n, 1) {
            return Err(lines.error(format!("expected a vector of {n} values ({n} x 1), found {rows} x {columns}")));
        }
        Ok(())
    };
    let mut vector = vec![0.0; n as usize];
    match header.layout {
        Layout::Array => {
            let [rows, columns] = parse_sizes::<2>(&mut lines)?;
            check_shape(&lines, rows, columns)?;
            parse_values(&mut lines, n as usize, |k, value| vector[k] = value)?;
        }
        Layout::Coordinate => {
            let [rows, columns, entries] = parse_sizes::<3>(&mut lines)?;
            check_shape(&lines, rows, columns)?;
            check_size(&lines, rows, columns, entries, 4)?;
            for (&value, (i, _)) in parse_coordinates(&mut lines, header, [rows, columns], entries)?.triplet_iter() {
                vector[i] += value;
            }
        }
    }
    Ok(vector)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "%%MatrixMarket matrix coordinate real symmetric\n";

    fn matrix(text: &str) -> Result<SerialMatrix> {
        parse_matrix(text.as_bytes(), "a.mtx")
    }

    fn refusal(text: &str) -> String {
        matrix(text).expect_err(text).to_string()
    }

    fn dense(text: &str) -> Vec<Vec<f64>> {
        let matrix = matrix(text).unwrap_or_else(|error| panic!("{error}"));
        (0..matrix.rows()).map(|i| (0..matrix.cols()).map(|j| *matrix.get(i, j).unwrap_or(&0.0)).collect()).collect()
    }

    #[test]
    fn every_kind_of_file_gives_the_same_matrix() {
        let expected = vec![vec![2.0, -1.0, 0.0], vec![-1.0, 2.0, 0.0], vec![0.0, 0.0, 1.0]];
        for text in [
            format!("{HEADER}3 3 4\n1 1 2\n2 1 -1\n2 2 2\n3 3 1\n"),
            format!("{HEADER}3 3 4\n1 1 2\n1 2 -1\n2 2 2\n3 3 1\n"), // upper triangle
            format!("{HEADER}3 3 5\n1 1 2\n1 2 -1\n2 2 2\n3 3 1\n3 1 0\n"), // a stored zero
            format!("{HEADER}3 3 5\n1 1 2\n2 1 -1\n1 2 -1\n2 2 2\n3 3 1\n"), // both triangles
            format!("{HEADER}3 3 5\n1 1 1\n1 1 1\n2 1 -1\n2 2 2\n3 3 1\n"), // duplicates are summed
            format!("{HEADER}% words\n\n3 3 4\n\n1 1 2.0D+00\n  2 1 -1e0\n% more\n2 2 +2\n3 3 1"),
            format!("{HEADER}3 3 4\n1 1 2\n2 1 -1\n2 2 2\n3 3 1\n").replace('\n', "\r\n"),
            "%%matrixmarket MATRIX Coordinate Integer General\n3 3 5\n1 1 2\n2 1 -1\n1 2 -1\n2 2 2\n3 3 1\n".into(),
            "%%MatrixMarket matrix array real symmetric\n3 3\n2\n-1\n0\n2\n0\n1\n".into(),
            "%%MatrixMarket matrix array real general\n3 3\n2\n-1\n0\n-1\n2\n0\n0\n0\n1\n".into(),
        ] {
            assert_eq!(dense(&text), expected, "{text}");
        }
        assert_eq!(dense("%%MatrixMarket matrix coordinate pattern symmetric\n1 1 1\n1 1\n"), [[1.0]]);
    }

    #[test]
    fn bad_files_are_refused_with_file_and_line() {
        for (text, says) in [
            (String::new(), "a.mtx:1: not a Matrix Market matrix"),
            ("hello\n".into(), "a.mtx:1: not a Matrix Market matrix"),
            (HEADER.replace("real", "complex"), "a.mtx:1: the file is complex"),
            (HEADER.replace("symmetric", "skew-symmetric"), "a.mtx:1: the matrix is skew"),
            (HEADER.replace("symmetric", "hermitian"), "a.mtx:1: the matrix is Hermitian"),
            (HEADER.into(), "a.mtx:1: the file ends before its size line"),
            (format!("{HEADER}2 2\n"), "a.mtx:2: the size line must hold 3 whole numbers"),
            (format!("{HEADER}2 3 1\n1 1 1\n"), "a.mtx:2: the matrix is 2 x 3"),
            (format!("{HEADER}0 0 0\n"), "a.mtx:2: the matrix has no rows"),
            (format!("{HEADER}1 1 18446744073709551615\n1 1 1\n"), "a.mtx:2: the size line announces"),
            (format!("{HEADER}1 1 99999999999999999999\n1 1 1\n"), "a.mtx:2: the size line must hold"),
            (format!("{HEADER}4000000000 4000000000 1\n1 1 1\n"), "a.mtx:2: 4000000000 rows but only 1 entries"),
            (format!("{HEADER}2 2 3\n1 1 1\n2 2 1\n% and then nothing more\n"), "a.mtx:5: the file ends after 2 of 3"),
            (format!("{HEADER}1 1 1\n1 1 1\n1 1 1\n"), "a.mtx:4: `1 1 1` follows the 1 announced"),
            (format!("{HEADER}1 1 1\n0 1 1\n"), "a.mtx:3: row 0 is outside 1 ... 1"),
            (format!("{HEADER}1 1 1\n1 2 1\n"), "a.mtx:3: column 2 is outside"),
            (format!("{HEADER}1 1 1\n1 -1 1\n"), "a.mtx:3: `-1` is not a column number"),
            (format!("{HEADER}1 1 1\n1 1 nan\n"), "a.mtx:3: `nan` is not a finite number"),
            (format!("{HEADER}1 1 1\n1 1 1e400\n"), "a.mtx:3: `1e400` is not a finite number"),
            (format!("{HEADER}1 1 1\n1 1\n"), "a.mtx:3: the value is missing"),
            (format!("{HEADER}1 1 1\n1 1 1 7\n"), "a.mtx:3: unexpected `7`"),
            (
                format!("{HEADER}2 2 4\n1 1 2\n2 1 1\n1 2 3\n2 2 2\n"),
                "a.mtx:5: the file says `symmetric` but stores both A(1,2) = 3 and A(2,1) = 1",
            ),
        ] {
            let refused = refusal(&text);
            assert!(refused.starts_with(says), "{text:?} gave {refused:?}, not {says:?}");
        }
        let general = "%%MatrixMarket matrix coordinate real general\n";
        let one_triangle = refusal(&format!("{general}2 2 3\n1 1 2\n2 2 2\n2 1 1\n"));
        assert!(one_triangle.starts_with("a.mtx:5:") && one_triangle.contains("only one triangle"), "{one_triangle}");
        let one_sided_zero = matrix(&format!("{general}2 2 3\n1 1 2\n2 2 2\n2 1 0\n")).expect("a diagonal matrix");
        assert_eq!(one_sided_zero.nnz(), 2);
        let asymmetric = refusal(&format!("{general}2 2 4\n1 1 2\n2 2 2\n2 1 1\n1 2 3\n"));
        assert!(
            asymmetric.starts_with("a.mtx:6:") && asymmetric.contains("A(1,2) = 3 but A(2,1) is 1"),
            "{asymmetric}"
        );
        let array = refusal("%%MatrixMarket matrix array real general\n2 2\n1\n\n5 4\n1\n");
        assert!(array.starts_with("a.mtx:5:"), "{array}");
    }

    #[test]
    fn a_vector_comes_back_as_it_was_written() {
        let x = [1.0, -2.5e-300, 1.0 / 3.0];
        let text = vector_header(3) + &vector_text(&x);
        assert_eq!(parse_vector(text.as_bytes(), "x.mtx", 3), Ok(x.to_vec()));
        let short = parse_vector(text.as_bytes(), "x.mtx", 4).unwrap_err().to_string();
        assert!(short.starts_with("x.mtx:2: expected a vector of 4 values"), "{short}");
        let sparse = b"%%MatrixMarket matrix coordinate real general\n3 1 1\n2 1 5\n";
        assert_eq!(parse_vector(sparse, "x.mtx", 3), Ok(vec![0.0, 5.0, 0.0]));
    }
}
