//! Owners from and to a file: one number per line, in row order. Blank lines and comments (`%`, `#`) may come between.

use super::{Owners, prefix};
use crate::comm::Comm;
use crate::error::{Error, Result};
use crate::problem::EvenSplit;
use crate::problem::matrix_market::shown;
use crate::shared_file::{SharedFile, write_together};
use std::fmt::Write as _;
use std::ops::Range;
use std::path::Path;

/// Writes the owner of each of `n` rows, a line each. Every rank writes its even share. Collective.
///
/// # Errors
/// When a rank cannot write; the same on every rank, and an old file of that name is then still there.
pub fn write(comm: &Comm, n: u64, owners: &Owners, path: &Path) -> Result<()> {
    let share: Vec<u64> = EvenSplit { n, ranks: comm.size() }.share(comm.rank()).collect();
    let mut text = String::new();
    for owner in owners.of(comm, &share) {
        writeln!(text, "{owner}").expect("writing to a string succeeds");
    }
    write_together(comm, path, &[text.as_bytes()])
}

/// Owners of this rank's even share, all of them below `parts`. Every rank reads an equal part of the text. Collective.
///
/// # Errors
/// When the file cannot be read; the first line that is wrong; too few or too many owners.
pub(super) fn read(comm: &Comm, split: EvenSplit, parts: usize, path: &Path) -> Result<Vec<u32>> {
    let file = SharedFile::open(comm, path)?;
    let range = EvenSplit { n: file.bytes(), ranks: comm.size() }.share(comm.rank());
    let text = comm.agree(lines_from(&file, range))?;
    let lines = || text.split_inclusive(|&byte| byte == b'\n').map(|line| line.trim_ascii());
    let (lines_before, _) = prefix(comm, lines().count() as u64);

    let mut owners = Vec::new();
    let mut wrong = Ok(());
    for (line, number) in lines().zip(lines_before + 1..) {
        if line.first().is_none_or(|first| b"%#".contains(first)) {
            continue;
        }
        match std::str::from_utf8(line).ok().and_then(|word| word.parse::<u32>().ok()) {
            Some(owner) if (owner as usize) < parts => owners.push(owner),
            understood => {
                wrong = Err(wrong_line(path, number, understood, line, parts));
                break;
            }
        }
    }
    // The ranks read the file in their order: the first that fails has the first line that is wrong.
    comm.agree(wrong)?;
    let (first, total) = prefix(comm, owners.len() as u64);
    if total != split.n {
        return Err(Error::input(format!(
            "{}: {total} owners for {} rows: it must hold one owner per row",
            path.display(),
            split.n
        )));
    }
    Ok(to_shares(comm, split, first, &owners))
}

fn wrong_line(path: &Path, number: u64, owner: Option<u32>, line: &[u8], parts: usize) -> Error {
    let what = match owner {
        Some(owner) => format!(
            "owner {owner}, but this run has ranks 0 ... {}: run it on more ranks or make the partition for {parts}",
            parts - 1
        ),
        None => format!("{} is not a rank number", shown(line)),
    };
    Error::input(format!("{}:{number}: {what}", path.display()))
}

/// The lines that begin in a range of the file's bytes, the last one to its end.
fn lines_from(file: &SharedFile, range: Range<u64>) -> Result<Vec<u8>> {
    const MORE: u64 = 4096;
    if range.is_empty() {
        return Ok(Vec::new());
    }
    let read = |range: Range<u64>| {
        let mut bytes = vec![0; (range.end - range.start) as usize];
        file.read_at(&mut bytes, range.start).map(|()| bytes)
    };
    // Whether a line begins with the range is known from the byte before it.
    let mut text = read(range.start.saturating_sub(1)..range.end)?;
    if range.start > 0 {
        let begin = text.iter().position(|&byte| byte == b'\n').map_or(text.len(), |end| end + 1);
        text.drain(..begin);
    }
    let mut at = range.end;
    while text.last().is_some_and(|&byte| byte != b'\n') && at < file.bytes() {
        let more = read(at..(at + MORE).min(file.bytes()))?;
        at += more.len() as u64;
        let end = more.iter().position(|&byte| byte == b'\n').map_or(more.len(), |end| end + 1);
        text.extend_from_slice(&more[..end]);
    }
    Ok(text)
}

/// Owners of the rows from `first` on, brought to whose even share they belong to. Collective.
fn to_shares(comm: &Comm, split: EvenSplit, first: u64, owners: &[u32]) -> Vec<u32> {
    let mut messages = Vec::new();
    let mut at = 0;
    while at < owners.len() {
        let holder = split.holder(first + at as u64);
        let end = ((split.share(holder).end - first) as usize).min(owners.len());
        messages.push((holder, owners[at..end].to_vec()));
        at = end;
    }
    comm.sparse_exchange(messages).into_iter().flat_map(|(_, owners)| owners).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the ranks read, one after the other.
    fn read_by(ranks: usize, n: u64, text: &str) -> Result<Vec<u32>> {
        use std::sync::atomic::{AtomicUsize, Ordering};
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("halocg-parts-{}-{number}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        let shares = Comm::threads(ranks, |comm| {
            let split = EvenSplit { n, ranks };
            let share = read(comm, split, 100, &path)?;
            assert_eq!(share.len() as u64, split.share(comm.rank()).end - split.share(comm.rank()).start);
            Ok(share)
        });
        std::fs::remove_file(&path).unwrap();
        let named = path.display().to_string();
        let shares: Vec<Result<Vec<u32>>> = shares
            .into_iter()
            .map(|share| share.map_err(|error: Error| Error::input(error.to_string().replace(&named, "file"))))
            .collect();
        assert!(shares.iter().all(|share| share.is_ok() || share == &shares[0]), "all fail alike");
        shares.into_iter().collect::<Result<Vec<_>>>().map(|shares| shares.concat())
    }

    /// Short and long lines, comments, blank lines, both line ends, no end of the last line.
    fn file(rows: u32) -> (Vec<String>, Vec<u32>) {
        let owners: Vec<u32> = (0..rows).map(|row| row * row % 100).collect();
        let mut lines = vec!["# made by hand".to_string()];
        for owner in &owners {
            lines.push(match owner % 7 {
                0 => format!("   {owner}\t\r"),
                1 => format!("0000000000000000000{owner}"),
                _ => owner.to_string(),
            });
            if owner % 5 == 0 {
                lines.push(if owner % 2 == 0 { String::new() } else { "% a remark of some length, 1 2 3".into() });
            }
        }
        (lines, owners)
    }

    #[test]
    fn any_number_of_ranks_reads_the_same_owners() {
        for rows in [0, 1, 2, 5, 40] {
            let (lines, owners) = file(rows);
            for ranks in (1..=9).chain([33]) {
                for text in [lines.join("\n"), lines.join("\n") + "\n", lines.join("\n") + "\n\n\n"] {
                    assert_eq!(read_by(ranks, rows.into(), &text), Ok(owners.clone()), "{ranks} ranks");
                }
            }
        }
    }

    #[test]
    fn the_first_wrong_line_is_named_wherever_the_ranges_meet() {
        let (lines, _) = file(12);
        for at in 0..=lines.len() {
            for (wrong, says) in
                [("x", "`x` is not a rank number"), ("100", "owner 100, but this run has ranks 0 ... 99")]
            {
                let mut lines = lines.clone();
                lines.insert(at, wrong.into());
                lines.push("later".into());
                for ranks in 1..=8 {
                    let refused = read_by(ranks, 12, &lines.join("\n")).unwrap_err().to_string();
                    assert!(refused.starts_with(&format!("file:{}: {says}", at + 1)), "{refused} on {ranks}");
                }
            }
        }
        for (rows, text) in [(3, "1\n2\n"), (3, "1\n2\n3\n4\n"), (1, "")] {
            let owners = text.lines().count();
            let refused = read_by(4, rows, text).unwrap_err().to_string();
            assert_eq!(refused, format!("file: {owners} owners for {rows} rows: it must hold one owner per row"));
        }
    }
}
