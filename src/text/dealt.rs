//! The lines of a text that only rank 0 can read, dealt out piece by piece.

use super::{Before, Counter, End, Piece, Stream};
use crate::comm::Comm;
use crate::error::Error;
use std::io::{self, BufRead};

/// Words before the text of a message: is this the last round, order, lines and items before, bytes and lines and items
/// of the whole body as far as they are read.
const WORDS: usize = 7;

/// How much is read beyond a piece at a time in search of a line end.
const MORE_BYTES: usize = 256;

/// In every round rank 0 reads a piece for each rank, in the order of ranks.
pub(super) struct Dealt {
    comm: Comm,
    reader: Option<Box<dyn BufRead>>,
    source: Stream,
    counter: Counter,
    before: Before,
    piece_bytes: usize,
    /// What was read beyond the last piece.
    rest: Vec<u8>,
    bytes: u64,
    pieces: u64,
    message: Vec<u8>,
    is_over: bool,
    end: End,
}

impl Dealt {
    pub(super) fn new(
        comm: &Comm,
        reader: Option<Box<dyn BufRead>>,
        source: Stream,
        counter: Counter,
        before: Before,
        piece_bytes: usize,
    ) -> Dealt {
        Dealt {
            comm: comm.clone(),
            reader,
            source,
            counter,
            before,
            piece_bytes,
            rest: Vec::new(),
            bytes: 0,
            pieces: 0,
            message: Vec::new(),
            is_over: false,
            end: End::default(),
        }
    }

    pub(super) fn next(&mut self, failure: &mut Option<Error>) -> Option<Piece<'_>> {
        if self.is_over {
            return None;
        }
        let mut messages = Vec::new();
        if self.comm.is_root() {
            let mut pieces = Vec::new();
            for _ in 0..self.comm.size() {
                let text = self.cut().unwrap_or_else(|cause| {
                    *failure = Some(self.source.explain(&cause));
                    self.reader = None;
                    Vec::new()
                });
                let before = self.before;
                self.counter.count(&text, &mut self.before);
                self.bytes += text.len() as u64;
                self.pieces += 1;
                pieces.push((self.pieces, before, text));
            }
            let is_last = u64::from(self.reader.is_none());
            for (rank, (order, before, text)) in pieces.into_iter().enumerate() {
                let so_far = [self.bytes, self.before.lines, self.before.items];
                let words = [is_last, order, before.lines, before.items, so_far[0], so_far[1], so_far[2]];
                messages.push((rank, [bytemuck::cast_slice(&words), &text[..]].concat()));
            }
        }
        self.message = self.comm.sparse_exchange(messages).pop().expect("rank 0 sends to every rank").1;
        let (words, text) = self.message.split_at(WORDS * size_of::<u64>());
        let words: Vec<u64> = bytemuck::pod_collect_to_vec(words);
        self.is_over = words[0] == 1;
        self.end = End { bytes: words[4], before: Some(Before { lines: words[5], items: words[6] }) };
        Some(Piece {
            text,
            before: Some(Before { lines: words[2], items: words[3] }),
            order: words[1],
            ends_round: true,
        })
    }

    /// Known on every rank once the last round is over.
    pub(super) fn end(&self) -> End {
        self.end
    }

    /// Whole lines, about as many bytes as a piece has; without a reader, nothing more.
    fn cut(&mut self) -> io::Result<Vec<u8>> {
        let mut text = std::mem::take(&mut self.rest);
        let Some(reader) = &mut self.reader else {
            return Ok(text);
        };
        let mut searched = 0;
        loop {
            if text.len() >= self.piece_bytes {
                if let Some(end) = memchr::memrchr(b'\n', &text[searched..]) {
                    self.rest = text.split_off(searched + end + 1);
                    return Ok(text);
                }
                searched = text.len();
            }
            let read = match reader.fill_buf() {
                Err(cause) if cause.kind() == io::ErrorKind::Interrupted => continue,
                read => read?,
            };
            if read.is_empty() {
                self.reader = None;
                return Ok(text);
            }
            let wanted = read.len().min(self.piece_bytes.saturating_sub(text.len()).max(MORE_BYTES));
            text.extend_from_slice(&read[..wanted]);
            reader.consume(wanted);
        }
    }
}
