//! Vectors: one column.

use super::body::{self, Entry, Take};
use super::header::{Header, Layout};
use super::{COMMENTS, Reading};
use crate::comm::{Comm, Op};
use crate::error::{Error, Result};
use crate::problem::EvenSplit;
use crate::problem::arrivals::Arrivals;
use crate::text::{Head, Text};
use std::fmt::Write as _;
use std::path::Path;

/// Bytes that an entry takes at least; 0 where the count is known to be right.
fn shortest(header: &Header) -> u64 {
    match header.layout {
        Layout::Coordinate => 4,
        Layout::Array => 0,
    }
}

/// So many values of a vector need not be in its file, where nothing but its header says how many there are: 1 GiB.
const MAY_BE_ZERO: u64 = 1 << 27;

#[derive(Clone, Copy)]
struct Values;

impl Take for Values {
    #[inline(always)]
    fn take(self, arrivals: &mut Arrivals, (i, _, value): Entry) {
        arrivals.put(i, 0, value, 0);
    }
}

pub(super) fn read(comm: &Comm, path: &Path, n: u64, reading: &Reading) -> Result<Vec<f64>> {
    let mut text = Text::open(comm, path, COMMENTS, reading.piece_bytes)?;
    let header = Header::from_words(text.head(|head| {
        let header = Header::read(head, true)?;
        check(head, &header, n)?;
        Ok(header.to_words())
    })?);
    let arrivals = body::read(comm, &mut text, path, &header, shortest(&header), Values)?;
    let share = EvenSplit { n, ranks: comm.size() }.share(comm.rank());
    let mut vector = vec![0.0; (share.end - share.start) as usize];
    for (row, _, value) in arrivals.into_entries() {
        match header.layout {
            Layout::Array => vector[row] = value,
            Layout::Coordinate => vector[row] += value,
        }
    }
    let bad = vector.iter().position(|value| !value.is_finite()).map(|row| share.start + row as u64 + 1);
    comm.agree(bad.map_or(Ok(()), |row| {
        let file = path.display();
        Err(Error::input(format!("{file}: the values given for row {row} add up to no finite number")))
    }))?;
    Ok(vector)
}

fn check(head: &Head, header: &Header, n: u64) -> Result<()> {
    let Header { rows, columns, .. } = *header;
    if n > u64::from(u32::MAX) {
        return Err(head.error("vectors of more than 4 294 967 295 values are not supported"));
    }
    if (rows, columns) != (n, 1) {
        return Err(head.error(format!("expected a vector of {n} values ({n} x 1), found {rows} x {columns}")));
    }
    match head.bytes_left().and_then(|bytes| header.lacks_room(bytes, shortest(header))) {
        Some(what) => Err(head.error(what)),
        None => Ok(()),
    }
}

pub(super) fn length(comm: &Comm, path: &Path) -> Result<Option<u64>> {
    let is_file = comm.is_root() && std::fs::metadata(path).is_ok_and(|there| there.is_file());
    if comm.reduced(Op::Max, u64::from(is_file)) == 0 {
        return Ok(None);
    }
    let mut text = Text::open(comm, path, COMMENTS, Reading::default().piece_bytes)?;
    let header = Header::from_words(text.head(|head| {
        let header = Header::read(head, false)?;
        match header.layout {
            // All of them are held, and written.
            Layout::Coordinate if header.columns == 1 && header.rows > MAY_BE_ZERO.saturating_add(header.entries) => {
                Err(head.error(format!(
                    "a sparse vector of {} values has more than {MAY_BE_ZERO} zeros: too long to be converted",
                    header.rows
                )))
            }
            _ => Ok(header.to_words()),
        }
    })?);
    let is_vector = header.columns == 1 && (header.rows > 1 || header.layout == Layout::Array) && !header.symmetric;
    Ok(is_vector.then_some(header.rows))
}

/// The first lines of the file of a vector of `n` values.
pub(super) fn head(n: u64) -> String {
    format!("%%MatrixMarket matrix array real general\n{n} 1\n")
}

/// Values, one a line, with the fewest digits that read back to the same bits.
pub(super) fn lines(values: &[f64]) -> String {
    let mut text = String::new();
    for value in values {
        writeln!(text, "{value:?}").expect("writing to a string succeeds");
    }
    text
}
