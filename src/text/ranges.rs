//! The lines of a regular file that begin in this rank's byte range.

use super::{Before, Counter, Piece};
use crate::comm::Comm;
use crate::error::{Error, Result};
use crate::shared_file::SharedFile;
use std::ops::Range;
use std::rc::Rc;

/// Read beyond a piece at once: its last line seldom is longer.
const TAIL_BYTES: usize = 4096;

/// Ranks meet only so often.
const PIECES_PER_ROUND: u64 = 4;

/// A line belongs to the rank, and to the piece, in whose range it begins. All ranks have as many pieces, some of them empty.
pub(super) struct Ranges {
    file: Rc<SharedFile>,
    /// The end of the file.
    end: u64,
    /// This rank's range.
    mine: Range<u64>,
    piece_bytes: u64,
    rank: u64,
    pieces: u64,
    piece: u64,
    /// True if a line begins where the range does, for certain: there the body begins.
    begins_with_line: bool,
    /// Where the next line that is mine begins; not known before the first round.
    next: Option<u64>,
    /// What is known to lie before it.
    before: Option<(Counter, Before)>,
    buffer: Vec<u8>,
    /// Where in the file the buffer begins, and how much of it is filled.
    at: u64,
    filled: usize,
}

impl Ranges {
    pub(super) fn new(comm: &Comm, file: Rc<SharedFile>, body: Range<u64>, piece_bytes: usize) -> Ranges {
        let (ranks, length) = (comm.size() as u128, body.end - body.start);
        let cut = |rank: usize| body.start + (u128::from(length) * rank as u128 / ranks) as u64;
        let longest = length.div_ceil(comm.size() as u64);
        Ranges {
            file,
            end: body.end,
            mine: cut(comm.rank())..cut(comm.rank() + 1),
            piece_bytes: piece_bytes as u64,
            rank: comm.rank() as u64,
            pieces: longest.div_ceil(piece_bytes as u64),
            piece: 0,
            begins_with_line: cut(comm.rank()) == body.start,
            next: None,
            before: None,
            buffer: Vec::new(),
            at: 0,
            filled: 0,
        }
    }

    /// From the first piece again, with what lies before it.
    pub(super) fn restart(&mut self, before: Option<(Counter, Before)>) {
        (self.piece, self.next, self.before) = (0, None, before);
        (self.at, self.filled) = (0, 0);
    }

    /// What lies in this rank's range. Not collective.
    pub(super) fn counted(&mut self, counter: Counter) -> Result<Before> {
        let mut before = Before::default();
        let mut failure = None;
        while let Some(piece) = self.next(&mut failure) {
            counter.count(piece.text, &mut before);
        }
        failure.map_or(Ok(before), Err)
    }

    pub(super) fn next(&mut self, failure: &mut Option<Error>) -> Option<Piece<'_>> {
        if self.piece == self.pieces {
            return None;
        }
        self.piece += 1;
        let ends_round = self.piece.is_multiple_of(PIECES_PER_ROUND) || self.piece == self.pieces;
        let bound = (self.mine.start + self.piece * self.piece_bytes).min(self.mine.end);
        let length = if failure.is_some() { Ok(0) } else { self.load(bound) };
        let length = length.unwrap_or_else(|cause| {
            *failure = Some(cause);
            0
        });
        let text = &self.buffer[..length];
        let before = self.before.as_mut().map(|(counter, before)| {
            let here = *before;
            counter.count(text, before);
            here
        });
        Some(Piece { text, before, order: self.rank, ends_round })
    }

    /// Brings the lines that begin before `bound` to the begin of the buffer; returns their length.
    fn load(&mut self, bound: u64) -> Result<usize> {
        if self.mine.is_empty() {
            return Ok(0);
        }
        let next = match self.next {
            Some(next) => next,
            None if self.begins_with_line => self.mine.start,
            // The line that holds the byte before this range began earlier.
            None => self.line_end(self.mine.start - 1, self.mine.end)?,
        };
        self.next = Some(next);
        if next >= bound {
            return Ok(0);
        }
        let end = self.line_end(bound - 1, u64::MAX)?;
        self.next = Some(end);
        Ok((end - next) as usize)
    }

    /// Where the line ends that holds the byte at `place`, its line end included; at least `enough` if it goes on till
    /// there. What was read stays in the buffer from the next line of this rank on, and nothing before it.
    fn line_end(&mut self, place: u64, enough: u64) -> Result<u64> {
        let keep = self.next.unwrap_or(place);
        let skip = ((keep - self.at.min(keep)) as usize).min(self.filled);
        self.buffer.copy_within(skip..self.filled, 0);
        self.filled -= skip;
        self.at = keep;
        let mut wanted = (place + 1 - keep) as usize + TAIL_BYTES;
        let mut searched = (place - keep) as usize;
        loop {
            let is_last = self.fill(wanted)?;
            if let Some(found) = memchr::memchr(b'\n', &self.buffer[searched.min(self.filled)..self.filled]) {
                return Ok(keep + (searched + found + 1) as u64);
            }
            if is_last || keep + self.filled as u64 >= enough {
                return Ok(keep + self.filled as u64);
            }
            searched = self.filled;
            wanted = 2 * self.filled;
        }
    }

    /// Fills the buffer up to `wanted` bytes, or to the end of the file: then true.
    fn fill(&mut self, wanted: usize) -> Result<bool> {
        let left = self.end - self.at;
        let wanted = wanted.min(usize::try_from(left).unwrap_or(usize::MAX));
        if self.buffer.len() < wanted {
            self.buffer.reserve_exact(wanted - self.buffer.len());
            self.buffer.resize(wanted, 0);
        }
        if self.filled < wanted {
            self.file.read_at(&mut self.buffer[self.filled..wanted], self.at + self.filled as u64)?;
            self.filled = wanted;
        }
        Ok(self.filled as u64 == left)
    }
}
