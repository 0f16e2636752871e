//! The entries after the size line: parsed by all ranks, collected by the holders of their rows.

use super::COMMENTS;
use super::header::{Header, Layout};
use super::numbers::{real, shown, usual_entry, whole, word};
use crate::comm::{Comm, Op};
use crate::error::{Error, Result};
use crate::problem::arrivals::Arrivals;
use crate::text::{self, Before, Items, Piece, Text, is_data, line_ends};
use std::path::Path;

/// Entries that memory is asked for at a time, in bytes of a piece: 16 MiB with pieces of 256 KiB, most of it in huge pages.
const PIECES_PER_BLOCK: usize = 4;

/// An entry: row and column from 0, and its value.
pub(super) type Entry = (u64, u64, f64);

/// What becomes of an entry. A trait rather than a closure, since this is to be in line where entries are parsed.
pub(super) trait Take: Copy {
    fn take(self, arrivals: &mut Arrivals, entry: Entry);
}

/// Entries of no consequence.
impl Take for () {
    fn take(self, _: &mut Arrivals, _: Entry) {}
}

/// Reads the body; `take` puts each entry on its way. `shortest` is the least length in bytes of an entry. Collective.
///
/// # Errors
/// The first thing in the file that is wrong, with its line; the same on every rank, and however many there are.
pub(super) fn read(
    comm: &Comm,
    text: &mut Text,
    path: &Path,
    header: &Header,
    shortest: u64,
    take: impl Take,
) -> Result<Arrivals> {
    // A small file takes no large blocks.
    let most = PIECES_PER_BLOCK * text.piece_bytes();
    let block = usize::try_from(header.entries).map_or(most, |entries| entries.min(most));
    let mut arrivals = Arrivals::new(comm, header.rows, block);
    let items = items(header);
    // The place of a value in an array says which entry it is. Lines say so themselves: what lies before them
    // need be known for an error only.
    let count = items == Items::Words;
    let reading = Reading { comm, path, header, shortest };
    let is_good = reading.pass(text, count, &mut arrivals, take)?;
    if !is_good {
        arrivals.clear();
        reading.pass(text, true, &mut arrivals, ())?;
        return Err(Error::input(format!("{}: it changed while it was read", path.display())));
    }
    Ok(arrivals)
}

pub(super) fn items(header: &Header) -> Items {
    match header.layout {
        Layout::Coordinate => Items::Lines,
        Layout::Array => Items::Words,
    }
}

struct Reading<'a> {
    comm: &'a Comm,
    path: &'a Path,
    header: &'a Header,
    shortest: u64,
}

impl Reading<'_> {
    /// One pass over the body. False if something is wrong and it takes a pass that counts to say what.
    fn pass(&self, text: &mut Text, count: bool, arrivals: &mut Arrivals, take: impl Take) -> Result<bool> {
        let mut found = 0;
        let mut refused: Option<Refused> = None;
        let mut pass = text.pass(items(self.header), count)?;
        while let Some(piece) = pass.next() {
            let ends_round = piece.ends_round;
            arrivals.begin(piece.order);
            if refused.is_none() {
                let parsed = match self.header.layout {
                    Layout::Coordinate => coordinates(piece, self.header, arrivals, take),
                    Layout::Array => array(piece, self.header, arrivals, take),
                };
                match parsed {
                    Ok(entries) => found += entries,
                    Err(refusal) => refused = Some(refusal),
                }
            }
            if ends_round {
                arrivals.exchange();
            }
        }
        let end = pass.finish()?;
        let error = |line, what: String| Error::input(format!("{}:{line}: {what}", self.path.display()));
        if let Some(what) = self.header.lacks_room(end.bytes, self.shortest) {
            return Err(error(self.header.line, what));
        }
        let Some(Before { lines, items }) = end.before else {
            let total = self.comm.reduced(Op::Sum, found);
            let refusals = self.comm.reduced(Op::Sum, u64::from(refused.is_some()));
            return Ok(refusals == 0 && total == self.header.entries);
        };
        // Of the lines that ranks refuse the first one counts.
        let mine = refused.as_ref().map_or(u64::MAX, |refused| refused.line);
        let first = self.comm.reduced(Op::Min, mine);
        let refused = refused.filter(|refused| refused.line == first);
        self.comm.agree(refused.map_or(Ok(()), |Refused { line, what }| Err(error(line, what))))?;
        let entries = self.header.entries;
        if items < entries {
            let (what, wrong) = match self.header.layout {
                Layout::Coordinate => ("announced entries", "count"),
                Layout::Array => ("values", "size line"),
            };
            return Err(error(
                lines,
                format!("the file ends after {items} of {entries} {what}: it is truncated, or the {wrong} is wrong"),
            ));
        }
        Ok(true)
    }
}

/// What is wrong with a line; its number is right in a pass that counts.
struct Refused {
    line: u64,
    what: String,
}

impl Refused {
    fn at(piece: &Piece, offset: usize, what: String) -> Refused {
        let before = piece.before.map_or(0, |before| before.lines);
        Refused { line: before + line_ends(&piece.text[..offset]) + 1, what }
    }
}

/// The entries of a piece of a coordinate file; how many lines of them it holds.
fn coordinates(
    piece: Piece,
    header: &Header,
    arrivals: &mut Arrivals,
    take: impl Take,
) -> std::result::Result<u64, Refused> {
    let text = piece.text;
    // How many entries may follow; only in a pass that counts is it known.
    let mut left = piece.before.map_or(u64::MAX, |before| header.entries.saturating_sub(before.items));
    let most = left;
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        // One place where entries are taken, so that this is done in line.
        let (entry, length) = match usual_entry(rest, header.pattern) {
            Some((i, j, value, length))
                if i.wrapping_sub(1) < header.rows && j.wrapping_sub(1) < header.columns && left > 0 =>
            {
                ((i - 1, j - 1, value), length)
            }
            _ => match any_line(rest, header, left).map_err(|what| Refused::at(&piece, at, what))? {
                (Some(entry), length) => (entry, length),
                (None, length) => {
                    at += length;
                    continue;
                }
            },
        };
        take.take(arrivals, entry);
        left -= 1;
        at += length;
    }
    Ok(most - left)
}

/// What the first line of a text holds, if anything, and its length with its end.
#[cold]
fn any_line(text: &[u8], header: &Header, left: u64) -> std::result::Result<(Option<Entry>, usize), String> {
    let length = memchr::memchr(b'\n', text).unwrap_or(text.len());
    let line = text[..length].trim_ascii();
    let entry = match is_data(line, COMMENTS) {
        false => None,
        true if left > 0 => Some(parse_entry(line, header)?),
        true => return Err(too_many(line, header.entries)),
    };
    Ok((entry, length + 1))
}

fn too_many(line: &[u8], entries: u64) -> String {
    format!("{} follows the {entries} announced entries: the count on the size line is wrong", shown(line))
}

fn parse_entry(mut line: &[u8], header: &Header) -> std::result::Result<Entry, String> {
    let mut index = |what, n| {
        let text = word(&mut line);
        match whole(text) {
            Some(number) if (1..=n).contains(&number) => Ok(number - 1),
            Some(number) => Err(format!("{what} {number} is outside 1 ... {n} (indices start at 1)")),
            None if text.is_empty() => Err(format!("the {what} number is missing")),
            None => Err(format!("{} is not a {what} number", shown(text))),
        }
    };
    let (i, j) = (index("row", header.rows)?, index("column", header.columns)?);
    let value = if header.pattern { 1.0 } else { value_of(word(&mut line))? };
    match line.trim_ascii() {
        [] => Ok((i, j, value)),
        rest => Err(format!("unexpected {} after the last value of the line", shown(rest))),
    }
}

fn value_of(word: &[u8]) -> std::result::Result<f64, String> {
    if word.is_empty() {
        return Err("the value is missing".into());
    }
    real(word).ok_or_else(|| format!("{} is not a finite number", shown(word)))
}

/// The values of a piece of an array file, column by column; how many.
fn array(piece: Piece, header: &Header, arrivals: &mut Arrivals, take: impl Take) -> std::result::Result<u64, Refused> {
    let first = piece.before.expect("arrays are read in passes that count").items;
    let mut number = first;
    let (mut i, mut j) = place_in_array(header, first);
    for (at, line) in text::lines(piece.text) {
        let mut line = line.trim_ascii();
        if !is_data(line, COMMENTS) {
            continue;
        }
        loop {
            let text = word(&mut line);
            if text.is_empty() {
                break;
            }
            let value = value_of(text).map_err(|what| Refused::at(&piece, at, what))?;
            if number >= header.entries {
                let entries = header.entries;
                let what = format!("{} follows the {entries} announced values: the size line is wrong", shown(text));
                return Err(Refused::at(&piece, at, what));
            }
            take.take(arrivals, (i, j, value));
            number += 1;
            i += 1;
            if i == header.rows {
                j += 1;
                i = if header.symmetric { j } else { 0 };
            }
        }
    }
    Ok(number - first)
}

/// Row and column of a value. A symmetric array holds the part of each column from the diagonal down.
fn place_in_array(header: &Header, number: u64) -> (u64, u64) {
    let n = header.rows;
    if n == 0 || number >= header.entries {
        return (0, 0); // nothing has a place there
    }
    if !header.symmetric {
        return (number % n, number / n);
    }
    let start = |column: u64| (u128::from(column) * u128::from(2 * n - column + 1) / 2) as u64;
    let (mut column, mut beyond) = (0, n);
    while beyond - column > 1 {
        let middle = (column + beyond) / 2;
        if start(middle) <= number { column = middle } else { beyond = middle }
    }
    (column + number - start(column), column)
}

/// Where in a piece of a coordinate file the first line begins that gives an entry for this place.
pub(super) fn line_of_entry(piece: Piece, (i, j): (u64, u64)) -> Option<usize> {
    let is_it = |mut line: &[u8]| (whole(word(&mut line)), whole(word(&mut line))) == (Some(i + 1), Some(j + 1));
    text::lines(piece.text).find(|(_, line)| is_it(line)).map(|(at, _)| at)
}

/// Where in a piece of a general array of `n` rows the line begins that holds the value of this place.
pub(super) fn line_of_value(piece: Piece, n: u64, (i, j): (u64, u64)) -> Option<usize> {
    let mut items = piece.before?.items;
    text::lines(piece.text).find_map(|(at, line)| {
        let mut line = line.trim_ascii();
        let is_data = is_data(line, COMMENTS);
        while is_data && !word(&mut line).is_empty() {
            if items == j * n + i {
                return Some(at);
            }
            items += 1;
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_of_an_array_has_its_place() {
        for n in [1u64, 2, 3, 7, 50] {
            for symmetric in [false, true] {
                let entries = if symmetric { n * (n + 1) / 2 } else { n * n };
                let layout = Layout::Array;
                let header = Header { layout, pattern: false, symmetric, rows: n, columns: n, entries, line: 2 };
                let mut number = 0;
                for j in 0..n {
                    for i in if symmetric { j..n } else { 0..n } {
                        assert_eq!(place_in_array(&header, number), (i, j), "value {number} of {n} x {n}");
                        number += 1;
                    }
                }
            }
        }
    }
}
