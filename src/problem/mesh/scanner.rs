//! Numbers and words of a Gmsh file, one after another, whether they are written as text or as bytes.

use crate::error::{Error, Result};
use crate::problem::matrix_market::shown;

/// How the numbers of the sections are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Text,
    Bytes { big_endian: bool },
}

/// Where the reading of a file has come to.
pub(super) struct Scanner<'a> {
    /// What messages call the file.
    name: &'a str,
    bytes: &'a [u8],
    at: usize,
    /// Where what was read last begins, for messages.
    last: usize,
    pub(super) form: Form,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(name: &'a str, bytes: &'a [u8]) -> Scanner<'a> {
        Scanner { name, bytes, at: 0, last: 0, form: Form::Text }
    }

    /// What is wrong with what was read last: with its line, or, among bytes, with its place.
    pub(super) fn error(&self, what: impl std::fmt::Display) -> Error {
        let at = self.last.min(self.bytes.len());
        Error::input(match self.form {
            Form::Text => {
                let line = 1 + memchr::memchr_iter(b'\n', &self.bytes[..at]).count();
                format!("{}:{line}: {what}", self.name)
            }
            Form::Bytes { .. } => format!("{}: at byte {at}: {what}", self.name),
        })
    }

    /// How many bytes are left: no count of anything can be larger.
    pub(super) fn bytes_left(&self) -> usize {
        self.bytes.len() - self.at
    }

    fn skip_blanks(&mut self) {
        let rest = &self.bytes[self.at..];
        self.at += rest.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(rest.len());
        self.last = self.at;
    }

    /// The next word, if there is one.
    pub(super) fn next_word(&mut self) -> Option<&'a [u8]> {
        self.skip_blanks();
        let rest = &self.bytes[self.at..];
        let word = &rest[..rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len())];
        self.at += word.len();
        (!word.is_empty()).then_some(word)
    }

    /// The next word; `wanted` says what it should be.
    pub(super) fn word(&mut self, wanted: &str) -> Result<&'a [u8]> {
        self.next_word().ok_or_else(|| self.error(format!("the file ends where {wanted} should follow: copy it again")))
    }

    /// The rest of the line, without its end.
    pub(super) fn rest_of_line(&mut self) -> &'a [u8] {
        self.last = self.at;
        let rest = &self.bytes[self.at..];
        let line = &rest[..memchr::memchr(b'\n', rest).unwrap_or(rest.len())];
        self.at = (self.at + line.len() + 1).min(self.bytes.len());
        line.trim_ascii()
    }

    /// A word that ends a section.
    pub(super) fn end_of(&mut self, section: &str) -> Result<()> {
        let word = self.word(&format!("$End{section}"))?;
        match word.strip_prefix(b"$End") {
            Some(name) if name == section.as_bytes() => Ok(()),
            _ => Err(self.error(format!("found {} where $End{section} should follow", shown(word)))),
        }
    }

    /// Leaves out a section that nothing here needs.
    pub(super) fn skip_section(&mut self, section: &str) -> Result<()> {
        let end = format!("$End{section}");
        match memchr::memmem::find(&self.bytes[self.at..], end.as_bytes()) {
            Some(length) => {
                self.at += length + end.len();
                Ok(())
            }
            None => {
                Err(self
                    .error(format!("the file ends inside {}: copy it again", shown(format!("${section}").as_bytes()))))
            }
        }
    }

    fn take<const BYTES: usize>(&mut self, wanted: &str) -> Result<[u8; BYTES]> {
        self.last = self.at;
        match self.bytes[self.at..].first_chunk() {
            Some(chunk) => {
                self.at += BYTES;
                Ok(*chunk)
            }
            None => Err(self.error(format!("the file ends where {wanted} should follow: copy it again"))),
        }
    }

    /// A number written as text, whatever the form of the file.
    pub(super) fn text<T: std::str::FromStr>(&mut self, wanted: &str) -> Result<T> {
        let word = self.word(wanted)?;
        let number = std::str::from_utf8(word).ok().and_then(|word| word.parse().ok());
        number.ok_or_else(|| self.error(format!("{} is not {wanted}", shown(word))))
    }

    /// A whole number; among bytes, one of four.
    pub(super) fn int(&mut self, wanted: &str) -> Result<i32> {
        match self.form {
            Form::Text => self.text(wanted),
            Form::Bytes { big_endian: false } => Ok(i32::from_le_bytes(self.take(wanted)?)),
            Form::Bytes { big_endian: true } => Ok(i32::from_be_bytes(self.take(wanted)?)),
        }
    }

    /// A number of a node or element, or a count; among bytes, one of eight.
    pub(super) fn size(&mut self, wanted: &str) -> Result<u64> {
        match self.form {
            Form::Text => self.text(wanted),
            Form::Bytes { big_endian: false } => Ok(u64::from_le_bytes(self.take(wanted)?)),
            Form::Bytes { big_endian: true } => Ok(u64::from_be_bytes(self.take(wanted)?)),
        }
    }

    /// A count of things that take a byte each at least, and so cannot be more than there are bytes.
    pub(super) fn count(&mut self, wanted: &str) -> Result<usize> {
        let count = self.size(wanted)?;
        self.bounded(count, wanted)
    }

    /// Such a count, read before.
    pub(super) fn bounded(&self, count: u64, wanted: &str) -> Result<usize> {
        match usize::try_from(count) {
            Ok(count) if count <= self.bytes_left() => Ok(count),
            _ => Err(self.error(format!(
                "{count} is too large for {wanted}: {} bytes follow; the file is damaged or cut off",
                self.bytes_left()
            ))),
        }
    }

    /// A finite real number.
    pub(super) fn real(&mut self, wanted: &str) -> Result<f64> {
        let value = match self.form {
            Form::Text => {
                let word = self.word(wanted)?;
                let value: Option<f64> = fast_float2::parse(word).ok();
                value.ok_or_else(|| self.error(format!("{} is not {wanted}", shown(word))))?
            }
            Form::Bytes { big_endian: false } => f64::from_le_bytes(self.take(wanted)?),
            Form::Bytes { big_endian: true } => f64::from_be_bytes(self.take(wanted)?),
        };
        if value.is_finite() { Ok(value) } else { Err(self.error(format!("{value} is not {wanted}"))) }
    }
}
