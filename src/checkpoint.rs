//! Checkpoints: the state of a solve in a file, from which it goes on, on any number of ranks.
//!
//! docs/formats.md describes the file. Vectors lie in it in the row order of the input, so every rank writes and
//! reads its even share of them, whatever it owns.

use crate::comm::Comm;
use crate::distributed::Layout;
use crate::error::{Error, Result};
use crate::krylov::{Record, Saved, UNITS_STEP};
use crate::problem::EvenSplit;
use crate::shared_file::{SharedFile, write_together};
use crc32fast::Hasher;
use std::path::Path;

const MAGIC: [u8; 8] = *b"HALOCKPT";
/// Raised when the meaning of a file changes, which also a method's list of its state does.
const VERSION: u64 = 3;
const WORD: u64 = 8;
/// Magic, version, n, fingerprints of matrix, right-hand side and owners, iteration, exponent of the units, bytes of
/// text, and the numbers of scalars, records and vectors.
const HEAD_WORDS: usize = 12;
const RECORD_WORDS: usize = 7;

/// What a checkpoint belongs to. The same on every rank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Global number of rows.
    pub n: u64,
    /// [Fingerprint](crate::problem::Problem::fingerprint) of the matrix.
    pub matrix: u64,
    /// Fingerprint of the right-hand side.
    pub rhs: u64,
    /// Fingerprint of who owns which row, and in which order. A restart may have another.
    pub owners: u64,
    /// Method, preconditioner, and the options that decide what they do; for messages too.
    pub method: String,
}

/// Writes a checkpoint: beside, then renamed, so that the one before stays until this one is complete. Collective.
///
/// # Errors
/// When a rank cannot write; the same on every rank.
pub fn write(layout: &Layout, path: &Path, identity: &Identity, saved: Saved) -> Result<()> {
    let comm = layout.comm();
    let mut sections = vec![if comm.is_root() { prefix(identity, &saved) } else { Vec::new() }];
    for vector in saved.vectors {
        sections.push(to_bytes(layout.to_even(&vector)));
    }
    let checksum = checksum(comm, &sections);
    sections.push(if comm.is_root() { to_bytes([f64::from_bits(checksum)]) } else { Vec::new() });
    let sections: Vec<&[u8]> = sections.iter().map(Vec::as_slice).collect();
    write_together(comm, path, &sections)
}

/// Reads a checkpoint that belongs to `identity`; says too whether the rows are owned as they were. Collective.
///
/// # Errors
/// When a rank cannot read the file, when it is damaged, or when it belongs to something else; the same on every rank.
pub fn read(layout: &Layout, path: &Path, identity: &Identity) -> Result<(Saved, bool)> {
    let comm = layout.comm();
    let file = SharedFile::open(comm, path)?;
    let damaged = |what: &str| Error::input(format!("{}: {what}", path.display()));
    let head = comm.agree(Head::read(&file, &damaged))?;
    // Before anything that depends on it: of vectors of no rows a file of any length could hold any number.
    comm.agree(if (head.n, head.matrix) == (identity.n, identity.matrix) {
        Ok(())
    } else {
        Err(damaged("is a checkpoint for another matrix"))
    })?;

    let share = EvenSplit { n: head.n, ranks: comm.size() }.share(comm.rank());
    let read_sections = || -> Result<Vec<Vec<u8>>> {
        let mut sections = vec![vec![0; if comm.is_root() { head.prefix_bytes() } else { 0 } as usize]];
        file.read_at(&mut sections[0], 0)?;
        for vector in 0..head.vectors {
            let mut bytes = vec![0; ((share.end - share.start) * WORD) as usize];
            file.read_at(&mut bytes, head.prefix_bytes() + (vector * head.n + share.start) * WORD)?;
            sections.push(bytes);
        }
        Ok(sections)
    };
    let sections = comm.agree(read_sections())?;
    let mut stored = [0; WORD as usize];
    comm.agree(file.read_at(&mut stored, file.bytes() - WORD))?;
    let computed = checksum(comm, &sections);
    let is_sound = !comm.is_root() || computed == u64::from_le_bytes(stored);
    comm.agree(if is_sound { Ok(()) } else { Err(damaged("is damaged: its checksum is wrong")) })?;

    let prefix = comm.broadcast(0, &sections[0]);
    let (method, scalars, history) = head.contents(&prefix);
    comm.agree(if head.rhs != identity.rhs {
        Err(damaged("is a checkpoint for another right-hand side (--rhs)"))
    } else if method != identity.method {
        let (saved, here) = (printable(&method), &identity.method);
        Err(damaged(&format!("is a checkpoint of {saved}, but this is {here}: use the same --solver and --pc")))
    } else {
        Ok(())
    })?;
    let vectors: Vec<Vec<f64>> = sections[1..].iter().map(|bytes| layout.from_even(&from_bytes(bytes))).collect();
    // Whatever else is in the file, there is nothing to go on from.
    let is_lost = vectors.first().is_some_and(|x| x.iter().any(|x| !x.is_finite()));
    comm.agree(if is_lost {
        Err(damaged("holds an x with a NaN or an infinity: the solve had broken down"))
    } else {
        Ok(())
    })?;
    let &Head { iteration, rhs_exponent, owners, .. } = &head;
    Ok((Saved { iteration, rhs_exponent, scalars, history, vectors }, owners == identity.owners))
}

/// A text from a file for a message: short, and without what a terminal would obey.
fn printable(text: &str) -> String {
    text.chars().take(200).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// The checksum of a file of these sections, on rank 0. Collective.
fn checksum(comm: &Comm, sections: &[Vec<u8>]) -> u64 {
    let own: Vec<[u64; 2]> = sections
        .iter()
        .map(|bytes| {
            let mut hasher = Hasher::new();
            hasher.update(bytes);
            [hasher.finalize().into(), bytes.len() as u64]
        })
        .collect();
    let of_ranks = comm.gather(0, &own);
    let mut whole = Hasher::new();
    for section in 0..sections.len() {
        for of_rank in &of_ranks {
            let [checksum, bytes] = of_rank[section];
            whole.combine(&Hasher::new_with_initial_len(checksum as u32, bytes));
        }
    }
    whole.finalize().into()
}

/// What stands before the vectors.
fn prefix(identity: &Identity, saved: &Saved) -> Vec<u8> {
    let text = identity.method.as_bytes();
    let head = [
        VERSION,
        identity.n,
        identity.matrix,
        identity.rhs,
        identity.owners,
        saved.iteration,
        i64::from(saved.rhs_exponent) as u64,
        text.len() as u64,
        saved.scalars.len() as u64,
        saved.history.len() as u64,
        saved.vectors.len() as u64,
    ];
    let mut bytes = MAGIC.to_vec();
    bytes.extend(head.iter().flat_map(|word| word.to_le_bytes()));
    bytes.extend_from_slice(text);
    bytes.resize(bytes.len().next_multiple_of(WORD as usize), 0);
    bytes.extend(to_bytes(saved.scalars.iter().copied()));
    for &Record { iteration, residual, nu, alpha, beta, nu_gap, seconds } in &saved.history {
        bytes.extend(to_bytes([f64::from_bits(iteration), residual, nu, alpha, beta, nu_gap, seconds]));
    }
    bytes
}

/// The first words of a file, whose length agrees with them.
#[derive(Clone)]
struct Head {
    n: u64,
    matrix: u64,
    rhs: u64,
    owners: u64,
    iteration: u64,
    rhs_exponent: i32,
    text_bytes: u64,
    scalars: u64,
    records: u64,
    vectors: u64,
}

/// The exponent that a word holds, if it is one that a solve may have chosen.
fn exponent_of(word: u64) -> Option<i32> {
    let largest = -f64::MIN_EXP + f64::MANTISSA_DIGITS as i32 + UNITS_STEP;
    i32::try_from(word as i64)
        .ok()
        .filter(|exponent| (-largest..=largest).contains(exponent) && exponent % UNITS_STEP == 0)
}

impl Head {
    fn read(file: &SharedFile, damaged: &dyn Fn(&str) -> Error) -> Result<Head> {
        let mut bytes = [0; HEAD_WORDS * WORD as usize];
        if file.bytes() < bytes.len() as u64 {
            return Err(damaged("is not a checkpoint of halocg, or is cut off"));
        }
        file.read_at(&mut bytes, 0)?;
        if bytes[..MAGIC.len()] != MAGIC {
            return Err(damaged("is not a checkpoint of halocg"));
        }
        let word = |k: usize| u64::from_le_bytes(bytes[8 * k..8 * k + 8].try_into().expect("eight bytes"));
        if word(1) != VERSION {
            let version = word(1);
            return Err(damaged(&format!("is a checkpoint in format {version}; this halocg reads format {VERSION}")));
        }
        let head = Head {
            n: word(2),
            matrix: word(3),
            rhs: word(4),
            owners: word(5),
            iteration: word(6),
            rhs_exponent: exponent_of(word(7))
                .ok_or_else(|| damaged("is damaged: no vector is measured in units like its own"))?,
            text_bytes: word(8),
            scalars: word(9),
            records: word(10),
            vectors: word(11),
        };
        let announced = head.file_bytes();
        if announced != Some(u128::from(file.bytes())) {
            let found = file.bytes();
            return Err(damaged(&match announced {
                Some(bytes) => format!("is damaged: it has {found} bytes, but its head announces {bytes}"),
                None => format!("is damaged: it has {found} bytes, but its head announces more than can be"),
            }));
        }
        Ok(head)
    }

    /// None if nothing is that long.
    fn file_bytes(&self) -> Option<u128> {
        let wide = u128::from;
        let words = wide(self.scalars) + wide(self.records) * RECORD_WORDS as u128 + HEAD_WORDS as u128 + 1;
        let vectors = wide(self.vectors).checked_mul(wide(self.n))?;
        words.checked_add(vectors)?.checked_mul(8)?.checked_add(wide(self.text_bytes).next_multiple_of(8))
    }

    /// Of a file whose length is the announced one: nothing here overflows.
    fn prefix_bytes(&self) -> u64 {
        let words = HEAD_WORDS as u64 + self.scalars + self.records * RECORD_WORDS as u64;
        words * WORD + self.text_bytes.next_multiple_of(WORD)
    }

    /// The text, the scalars and the records of a prefix.
    fn contents(&self, prefix: &[u8]) -> (String, Vec<f64>, Vec<Record>) {
        let (text, words) = prefix[HEAD_WORDS * 8..].split_at(self.text_bytes.next_multiple_of(WORD) as usize);
        let text = String::from_utf8_lossy(&text[..self.text_bytes as usize]).into_owned();
        let mut scalars = from_bytes(words);
        let records = scalars.split_off(self.scalars as usize);
        let record = |words: &[f64]| Record {
            iteration: words[0].to_bits(),
            residual: words[1],
            nu: words[2],
            alpha: words[3],
            beta: words[4],
            nu_gap: words[5],
            seconds: words[6],
        };
        (text, scalars, records.chunks_exact(RECORD_WORDS).map(record).collect())
    }
}

/// Little-endian, whatever the machine's order is.
fn to_bytes(numbers: impl IntoIterator<Item = f64>) -> Vec<u8> {
    let words: Vec<u64> = numbers.into_iter().map(|number| number.to_bits().to_le()).collect();
    bytemuck::cast_slice(&words).to_vec()
}

fn from_bytes(bytes: &[u8]) -> Vec<f64> {
    let word = |bytes: &[u8]| f64::from_le_bytes(bytes.try_into().expect("eight bytes"));
    bytes.chunks_exact(WORD as usize).map(word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said about a file of these words after the magic, with this text and a right checksum.
    fn refusal(words: [u64; HEAD_WORDS - 1], text: &[u8]) -> String {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(words.map(u64::to_le_bytes).as_flattened());
        bytes.extend(text);
        let mut hasher = Hasher::new();
        hasher.update(&bytes);
        bytes.extend(u64::from(hasher.finalize()).to_le_bytes());
        let path = std::env::temp_dir().join(format!("halocg-checkpoint-{}-{}", words[1], std::process::id()));
        std::fs::write(&path, &bytes).unwrap();
        let identity = Identity { n: 2, matrix: 5, rhs: 6, owners: 7, method: "hs-cg".into() };
        let refused = read(&Layout::even(&Comm::alone(), 2), &path, &identity).unwrap_err();
        std::fs::remove_file(&path).unwrap();
        refused.to_string().replace(&path.display().to_string(), "file")
    }

    #[test]
    fn units_are_those_that_a_solve_may_have() {
        let of = |exponent: i64| exponent_of(exponent as u64);
        assert_eq!([0, 192, -192, 1024, -1088].map(of), [0, 192, -192, 1024, -1088].map(Some));
        assert_eq!([1, -200, 1 << 40, 1 << 31, -1 << 31, 2048].map(of), [None; 6]);
    }

    #[test]
    fn any_number_of_vectors_without_rows_is_refused_at_once() {
        let words = [VERSION, 0, 5, 6, 7, 0, 0, 0, 0, 0, u64::MAX];
        assert_eq!(refusal(words, b""), "file: is a checkpoint for another matrix");
    }

    #[test]
    fn an_x_that_is_not_finite_is_refused_though_its_checksum_is_right() {
        let path = std::env::temp_dir().join(format!("halocg-checkpoint-x-{}", std::process::id()));
        let identity = Identity { n: 2, matrix: 5, rhs: 6, owners: 7, method: "hs-cg".into() };
        let layout = Layout::even(&Comm::alone(), 2);
        for (x, is_good) in [([1.0, 1e300], true), ([1.0, f64::NAN], false), ([f64::NEG_INFINITY, 1.0], false)] {
            let vectors = vec![x.to_vec(), vec![f64::NAN; 2]];
            let saved = Saved { iteration: 3, rhs_exponent: -960, scalars: vec![1.0], history: Vec::new(), vectors };
            write(&layout, &path, &identity, saved).unwrap();
            match read(&layout, &path, &identity) {
                Ok((saved, same_owners)) => {
                    assert!(is_good && same_owners && saved.vectors[0] == x && saved.rhs_exponent == -960)
                }
                Err(refused) => assert!(!is_good && refused.to_string().contains("an x with a NaN"), "{refused}"),
            }
        }
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn a_text_of_the_file_is_shown_without_what_a_terminal_obeys() {
        let words = [VERSION, 2, 5, 6, 7, 0, 0, 8, 0, 0, 0];
        assert_eq!(
            refusal(words, b"\x1b[2Jab\0\n"),
            "file: is a checkpoint of \u{fffd}[2Jab\u{fffd}\u{fffd}, but this is hs-cg: use the same --solver and --pc"
        );
    }
}
