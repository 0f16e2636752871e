//! Text files that all ranks read together, each of them a part of the lines.
//!
//! Of a regular file every rank reads its own byte range, in bounded buffers. What can be read from its start only (gzip,
//! a pipe) is read by rank 0, which deals pieces of it out as they come. Either way a rank sees *pieces* of whole lines,
//! one a round; between two rounds the ranks may exchange what they found.

mod dealt;
mod ranges;

use crate::comm::{Comm, Op};
use crate::error::{Error, Result};
use crate::shared_file::SharedFile;
use dealt::Dealt;
use ranges::Ranges;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// How much text a rank reads at a time, unless told otherwise: so little that it stays in a cache.
pub const PIECE_BYTES: usize = 1 << 18;

/// What is numbered in a text, beside its lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Items {
    /// Lines that are neither blank nor comments.
    Lines,
    /// The words of those lines.
    Words,
}

/// How many lines and items lie before some place of the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Before {
    /// Lines, from the start of the file.
    pub lines: u64,
    /// Items, from the start of the body.
    pub items: u64,
}

/// Some whole lines of the body. Only the last one of the file may lack its line end.
#[derive(Clone, Copy, Debug)]
pub struct Piece<'a> {
    /// The lines.
    pub text: &'a [u8],
    /// What lies before; not known in a pass that does not count.
    pub before: Option<Before>,
    /// Pieces with smaller numbers come earlier in the file; all those of a rank that reads its own range have one number.
    pub order: u64,
    /// True on all ranks at once: time for an exchange of what was found. A change of order is always one.
    pub ends_round: bool,
}

/// A text file, open on all ranks: a head that rank 0 reads, and a body that they share.
pub struct Text {
    comm: Comm,
    path: PathBuf,
    source: Source,
    /// Rank 0's, from where the head has been read to.
    reader: Option<Box<dyn BufRead>>,
    /// Where the body begins.
    body: u64,
    lines_of_head: u64,
    /// First bytes of a comment.
    comments: &'static [u8],
    piece_bytes: usize,
}

enum Source {
    /// Every rank reads its range.
    File(Rc<SharedFile>),
    /// Rank 0 reads.
    Stream(Stream),
}

/// What can be read from its start only.
#[derive(Clone)]
struct Stream {
    path: PathBuf,
    is_gzip: bool,
    can_reopen: bool,
}

impl Stream {
    fn explain(&self, cause: &io::Error) -> Error {
        use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
        let path = &self.path;
        if self.is_gzip && matches!(cause.kind(), InvalidData | InvalidInput | UnexpectedEof) {
            return Error::input(format!("{}: damaged gzip file: {cause}", path.display()));
        }
        Error::io("read it", path, cause)
    }

    /// The text without its first `skip` bytes.
    fn reopen(&self, skip: u64) -> io::Result<Box<dyn BufRead>> {
        let mut reader = look(&self.path)?.reader;
        io::copy(&mut (&mut reader).take(skip), &mut io::sink())?;
        Ok(reader)
    }
}

impl Text {
    /// Opens a file on every rank, or on rank 0 what can only be read in order. Lines that begin with one of the bytes
    /// `comments` are comments; `piece_bytes` are read at a time. Collective.
    ///
    /// # Errors
    /// When a rank cannot open the file, or another one than rank 0; the same on every rank.
    pub fn open(comm: &Comm, path: &Path, comments: &'static [u8], piece_bytes: usize) -> Result<Text> {
        let looked = if comm.is_root() { look(path).map(Some) } else { Ok(None) };
        let looked = comm.agree(looked.map_err(|cause| Error::io("read it", path, &cause)))?;
        let seen = looked.as_ref().map_or([0; 2], |seen| [seen.is_file, seen.is_gzip].map(u8::from));
        let seen: Vec<bool> = comm.broadcast(0, &seen).into_iter().map(|flag| flag == 1).collect();
        let (is_file, is_gzip) = (seen[0], seen[1]);
        let source = if is_file && !is_gzip {
            Source::File(Rc::new(SharedFile::open(comm, path)?))
        } else {
            Source::Stream(Stream { path: path.into(), is_gzip, can_reopen: is_file })
        };
        let reader = looked.map(|seen| seen.reader);
        let piece_bytes = piece_bytes.max(1);
        Ok(Text {
            comm: comm.clone(),
            path: path.into(),
            source,
            reader,
            body: 0,
            lines_of_head: 0,
            comments,
            piece_bytes,
        })
    }

    /// Rank 0 reads the head, line by line, and says some words about it to all ranks; the body begins after the last
    /// line that was read. Collective.
    ///
    /// # Errors
    /// Those of `parse`, or when the file cannot be read; the same on every rank.
    pub fn head<const WORDS: usize>(
        &mut self,
        parse: impl FnOnce(&mut Head) -> Result<[u64; WORDS]>,
    ) -> Result<[u64; WORDS]> {
        let mut parsed = Ok(vec![0; WORDS + 2]);
        if let Some(reader) = &mut self.reader {
            let length = match &self.source {
                Source::File(file) => Some(file.bytes()),
                Source::Stream(_) => None,
            };
            let mut head = Head { path: &self.path, reader, offset: 0, number: 0, length, failure: None };
            let result = parse(&mut head);
            let (failure, place) = (head.failure, [head.offset, head.number]);
            // What is wrong with a text that is damaged further on does not matter.
            let rest = match (&result, &self.source) {
                (Err(_), Source::Stream(stream)) if stream.is_gzip => io::copy(reader, &mut io::sink()).map(drop),
                _ => Ok(()),
            };
            parsed = match (failure.map_or(rest, Err), &self.source) {
                (Ok(()), _) => result.map(|words| [&place[..], &words].concat()),
                (Err(cause), Source::Stream(stream)) => Err(stream.explain(&cause)),
                (Err(cause), Source::File(_)) => Err(Error::io("read it", &self.path, &cause)),
            };
        }
        let words = self.comm.broadcast(0, &self.comm.agree(parsed)?);
        (self.body, self.lines_of_head) = (words[0], words[1]);
        Ok(std::array::from_fn(|k| words[2 + k]))
    }

    /// How much of the text a rank reads at a time.
    pub fn piece_bytes(&self) -> usize {
        self.piece_bytes
    }

    /// False for what can be read only once, a pipe.
    pub fn can_be_read_again(&self) -> bool {
        matches!(self.source, Source::File(_) | Source::Stream(Stream { can_reopen: true, .. }))
    }

    /// Begins to read the body. Pieces know what lies before them if `count` is set (regular files are then read twice)
    /// or if the text comes from rank 0. Collective.
    ///
    /// # Errors
    /// When a rank cannot read the file; the same on every rank.
    pub fn pass(&mut self, items: Items, count: bool) -> Result<Pass> {
        let here = Counter { items, comments: self.comments };
        let start = Before { lines: self.lines_of_head, items: 0 };
        let mut pass = Pass { comm: self.comm.clone(), reading: Reading::Nothing, failure: None, end: End::default() };
        match &self.source {
            Source::File(file) => {
                self.reader = None;
                let body = self.body..file.bytes();
                pass.end.bytes = body.end - body.start;
                let mut ranges = Ranges::new(&self.comm, file.clone(), body, self.piece_bytes);
                if count {
                    let mine = self.comm.agree(ranges.counted(here))?;
                    let (lines, all_lines) = self.comm.sum_before(mine.lines);
                    let (items, all_items) = self.comm.sum_before(mine.items);
                    let after_head = |lines, items| Before { lines: start.lines + lines, items };
                    ranges.restart(Some((here, after_head(lines, items))));
                    pass.end.before = Some(after_head(all_lines, all_items));
                }
                pass.reading = Reading::Ranges(ranges);
            }
            Source::Stream(stream) => {
                let reader = match self.reader.take() {
                    None if self.comm.is_root() => stream.reopen(self.body).map(Some),
                    reader => Ok(reader),
                };
                let reader = self.comm.agree(reader.map_err(|cause| stream.explain(&cause)))?;
                // Rank 0 holds a piece of every rank.
                let piece_bytes = self.piece_bytes.min((16 << 20) / self.comm.size()).max(1);
                let dealt = Dealt::new(&self.comm, reader, stream.clone(), here, start, piece_bytes);
                pass.reading = Reading::Dealt(dealt);
            }
        }
        Ok(pass)
    }

    /// The number of the line that holds the first place for which `find` gives one: it is asked for each piece for a
    /// place in its text. None if there is no such line, or if the file cannot be read again. Collective.
    ///
    /// # Errors
    /// When a rank cannot read the file; the same on every rank.
    pub fn line_where(&mut self, items: Items, mut find: impl FnMut(Piece) -> Option<usize>) -> Result<Option<u64>> {
        if !self.can_be_read_again() {
            return Ok(None);
        }
        let mut first = u64::MAX;
        let mut pass = self.pass(items, true)?;
        while let Some(piece) = pass.next() {
            if first == u64::MAX
                && let (Some(at), Some(before)) = (find(piece), piece.before)
            {
                first = before.lines + line_ends(&piece.text[..at]) + 1;
            }
        }
        pass.finish()?;
        let first = self.comm.reduced(Op::Min, first);
        Ok((first != u64::MAX).then_some(first))
    }
}

/// The lines of the head, on rank 0.
pub struct Head<'a> {
    path: &'a Path,
    reader: &'a mut Box<dyn BufRead>,
    offset: u64,
    number: u64,
    length: Option<u64>,
    failure: Option<io::Error>,
}

impl Head<'_> {
    /// The next line, without its end; None after the last. Of a very long one, the beginning. A file that cannot be
    /// read on ends here; that becomes the error.
    pub fn next_line(&mut self) -> Option<Vec<u8>> {
        /// Far more than any line of a head needs.
        const LONGEST: usize = 1 << 16;
        let mut line = Vec::new();
        let mut length = 0;
        loop {
            let buffer = match self.reader.fill_buf() {
                Ok(buffer) => buffer,
                Err(cause) if cause.kind() == io::ErrorKind::Interrupted => continue,
                Err(cause) => {
                    self.failure.get_or_insert(cause);
                    return None;
                }
            };
            let end = memchr::memchr(b'\n', buffer);
            let used = end.map_or(buffer.len(), |end| end + 1);
            line.extend_from_slice(&buffer[..end.unwrap_or(used).min(LONGEST - line.len())]);
            self.reader.consume(used);
            length += used;
            if end.is_some() || used == 0 {
                break;
            }
        }
        self.offset += length as u64;
        self.number += u64::from(length > 0);
        (length > 0).then_some(line)
    }

    /// Bytes that follow, if that is known.
    pub fn bytes_left(&self) -> Option<u64> {
        self.length.map(|length| length.saturating_sub(self.offset))
    }

    /// An error in the line that was read last; in the first one if the file is empty.
    pub fn error(&self, what: impl std::fmt::Display) -> Error {
        Error::input(format!("{}:{}: {what}", self.path.display(), self.number.max(1)))
    }

    /// The number of the line that was read last.
    pub fn line(&self) -> u64 {
        self.number
    }
}

/// What the end of a pass says about the body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct End {
    /// Its length.
    pub bytes: u64,
    /// Lines of the file and items of the body, if they were counted.
    pub before: Option<Before>,
}

/// One reading of the body, from its begin to its end.
pub struct Pass {
    comm: Comm,
    reading: Reading,
    failure: Option<Error>,
    end: End,
}

enum Reading {
    Nothing,
    Ranges(Ranges),
    Dealt(Dealt),
}

impl Pass {
    /// This rank's piece of the next round, perhaps an empty one; None on all ranks when the body has been read. A rank
    /// that cannot read goes on with empty pieces, and [`finish`](Pass::finish) says so. Collective.
    #[allow(clippy::should_implement_trait)] // the piece borrows the buffer
    pub fn next(&mut self) -> Option<Piece<'_>> {
        match &mut self.reading {
            Reading::Nothing => None,
            Reading::Ranges(ranges) => ranges.next(&mut self.failure),
            Reading::Dealt(dealt) => dealt.next(&mut self.failure),
        }
    }

    /// Closes the pass. Collective.
    ///
    /// # Errors
    /// When a rank could not read its part, or the file is a damaged gzip; the same on every rank.
    pub fn finish(self) -> Result<End> {
        self.comm.agree(self.failure.map_or(Ok(()), Err))?;
        Ok(match self.reading {
            Reading::Dealt(dealt) => dealt.end(),
            _ => self.end,
        })
    }
}

/// Counts lines and items.
#[derive(Clone, Copy)]
struct Counter {
    items: Items,
    comments: &'static [u8],
}

impl Counter {
    fn count(&self, text: &[u8], before: &mut Before) {
        for (_, line) in lines(text) {
            before.lines += 1;
            let line = line.trim_ascii();
            if is_data(line, self.comments) {
                before.items += match self.items {
                    Items::Lines => 1,
                    Items::Words => line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).count() as u64,
                };
            }
        }
    }
}

/// The lines of a text without their ends, and where each begins.
pub fn lines(text: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = text.get(at..).filter(|rest| !rest.is_empty())?;
        let (start, length) = (at, memchr::memchr(b'\n', rest).unwrap_or(rest.len()));
        at += length + 1;
        Some((start, &rest[..length]))
    })
}

/// True for a line, without spaces around it, that is neither blank nor a comment.
pub fn is_data(line: &[u8], comments: &[u8]) -> bool {
    line.first().is_some_and(|first| !comments.contains(first))
}

/// How many lines end in a text.
pub fn line_ends(text: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', text).count() as u64
}

/// What rank 0 finds under a name.
struct Seen {
    is_file: bool,
    is_gzip: bool,
    reader: Box<dyn BufRead>,
}

fn look(path: &Path) -> io::Result<Seen> {
    let mut file = File::open(path)?;
    let is_file = file.metadata()?.is_file();
    let mut first = Vec::new();
    (&mut file).take(2).read_to_end(&mut first)?;
    let is_gzip = first == [0x1f, 0x8b];
    let whole = Cursor::new(first).chain(BufReader::with_capacity(1 << 16, file));
    let reader: Box<dyn BufRead> = if is_gzip {
        Box::new(BufReader::with_capacity(1 << 16, flate2::bufread::MultiGzDecoder::new(whole)))
    } else {
        Box::new(whole)
    };
    Ok(Seen { is_file, is_gzip, reader })
}
