//! What the first lines of a file announce.

use super::COMMENTS;
use super::numbers::{shown, whole, word};
use crate::error::Result;
use crate::problem::FileFormat;
use crate::text::{Head, is_data};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Layout {
    Coordinate,
    Array,
}

/// The first line and the size line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Header {
    pub(super) layout: Layout,
    pub(super) pattern: bool,
    pub(super) symmetric: bool,
    pub(super) rows: u64,
    pub(super) columns: u64,
    /// Lines of a coordinate file, values of an array.
    pub(super) entries: u64,
    /// The number of the size line.
    pub(super) line: u64,
}

impl Header {
    pub(super) const WORDS: usize = 7;

    /// The form in which rank 0 tells the others.
    pub(super) fn to_words(self) -> [u64; Header::WORDS] {
        let is_array = u64::from(self.layout == Layout::Array);
        let (pattern, symmetric) = (u64::from(self.pattern), u64::from(self.symmetric));
        [is_array, pattern, symmetric, self.rows, self.columns, self.entries, self.line]
    }

    pub(super) fn from_words(
        [is_array, pattern, symmetric, rows, columns, entries, line]: [u64; Header::WORDS],
    ) -> Header {
        let layout = if is_array == 1 { Layout::Array } else { Layout::Coordinate };
        Header { layout, pattern: pattern == 1, symmetric: symmetric == 1, rows, columns, entries, line }
    }

    pub(super) fn read(head: &mut Head, is_vector: bool) -> Result<Header> {
        let kind = parse_kind(head)?;
        if is_vector && kind.symmetric {
            return Err(head.error("a vector cannot be `symmetric`"));
        }
        let (rows, columns, entries) = match kind.layout {
            Layout::Coordinate => {
                let [rows, columns, entries] = parse_sizes::<3>(head)?;
                (rows, columns, entries)
            }
            Layout::Array => {
                let [rows, columns] = parse_sizes::<2>(head)?;
                let all = rows.saturating_mul(columns);
                (rows, columns, if kind.symmetric { rows.saturating_mul(rows.saturating_add(1)) / 2 } else { all })
            }
        };
        Ok(Header { rows, columns, entries, line: head.line(), ..kind })
    }

    /// Says so if `bytes` of text cannot hold the announced entries of that many bytes at least; never if that is 0.
    pub(super) fn lacks_room(&self, bytes: u64, bytes_per_entry: u64) -> Option<String> {
        let room = bytes.checked_div(bytes_per_entry)? + 1;
        (self.entries > room).then(|| {
            format!(
                "the size line announces {} entries, but the rest of the file has room for at most {room}: it is truncated, or the count is wrong",
                self.entries
            )
        })
    }
}

fn parse_kind(head: &mut Head) -> Result<Header> {
    let Some(line) = head.next_line() else {
        return Err(head.error("not a Matrix Market file: it is empty"));
    };
    if FileFormat::of_head(&line) != FileFormat::MatrixMarket || line.starts_with(b"$MeshFormat") {
        return Err(head.error(
            "a binary file or a mesh, compressed or from a pipe: only Matrix Market is read like that; unpack it into a file",
        ));
    }
    if let Some(bytes) = line.first_chunk::<4>().filter(|bytes| bytes.contains(&0)) {
        let shown = bytes.map(|byte| format!("{byte:02x}")).join(" ");
        return Err(head.error(format!(
            "not a Matrix Market file, nor a binary one of halocg's or PETSc's: it begins with the bytes {shown}"
        )));
    }
    let lower = line.trim_ascii().to_ascii_lowercase();
    let words: Vec<&[u8]> = lower.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).collect();
    let [b"%%matrixmarket", b"matrix", layout, field, symmetry] = words[..] else {
        return Err(head.error(format!(
            "not a Matrix Market file, of which the first line reads \
             `%%MatrixMarket matrix coordinate|array real|integer|pattern general|symmetric`, and not {} (scipy.io.mmwrite writes one)",
            shown(line.trim_ascii())
        )));
    };
    let layout = match layout {
        b"coordinate" => Layout::Coordinate,
        b"array" => Layout::Array,
        other => {
            return Err(head.error(format!("unknown layout {}: use `coordinate` or `array`", shown(other))));
        }
    };
    let pattern = match field {
        b"real" | b"double" | b"integer" => false,
        b"pattern" if layout == Layout::Coordinate => true,
        b"pattern" => return Err(head.error("an array file holds values: `array pattern` does not exist")),
        b"complex" => {
            return Err(head.error("the file is complex: halocg solves real symmetric systems only"));
        }
        other => {
            return Err(head.error(format!("unknown field {}: use `real`, `integer` or `pattern`", shown(other))));
        }
    };
    let symmetric = match symmetry {
        b"general" => false,
        b"symmetric" => true,
        b"skew-symmetric" => {
            return Err(
                head.error("the matrix is skew-symmetric: halocg solves symmetric positive definite systems only")
            );
        }
        b"hermitian" => {
            return Err(head.error("the matrix is Hermitian: halocg solves real symmetric systems only"));
        }
        other => {
            return Err(head.error(format!("unknown symmetry {}: use `general` or `symmetric`", shown(other))));
        }
    };
    Ok(Header { layout, pattern, symmetric, rows: 0, columns: 0, entries: 0, line: 0 })
}

/// The size line: `COUNT` whole numbers.
fn parse_sizes<const COUNT: usize>(head: &mut Head) -> Result<[u64; COUNT]> {
    let expected = if COUNT == 3 { "rows columns entries" } else { "rows columns" };
    let line = loop {
        match head.next_line() {
            None => return Err(head.error(format!("the file ends before its size line (`{expected}`)"))),
            Some(line) if is_data(line.trim_ascii(), COMMENTS) => break line,
            Some(_) => (),
        }
    };
    let mut rest = line.trim_ascii();
    let mut sizes = [0; COUNT];
    for size in &mut sizes {
        let text = word(&mut rest);
        *size = whole(text).ok_or_else(|| {
            let found = if text.is_empty() { "nothing more".into() } else { shown(text) };
            head.error(format!("the size line must hold {COUNT} whole numbers (`{expected}`); found {found}"))
        })?;
    }
    match rest.trim_ascii() {
        [] => Ok(sizes),
        rest => Err(head.error(format!("unexpected {} after the last value of the line", shown(rest)))),
    }
}
