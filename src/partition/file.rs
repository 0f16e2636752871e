//! Owners from and to a file: one number per line, in row order. Blank lines and comments (`%`, `#`) may come between.

use super::Owners;
use crate::comm::{Comm, Op};
use crate::error::{Error, Result};
use crate::problem::EvenSplit;
use crate::problem::matrix_market::shown;
use crate::shared_file::write_together;
use crate::text::{Items, PIECE_BYTES, Text, is_data, lines};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

/// Lines that begin so are comments.
const COMMENTS: &[u8] = b"%#";

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

/// Owners of this rank's even share, all of them below `parts`. Every rank reads its part of the text, and the owners it
/// finds travel to the holders of their rows. Collective.
///
/// # Errors
/// When the file cannot be read; the first line that is wrong; too few or too many owners.
pub(super) fn read(comm: &Comm, split: EvenSplit, parts: usize, path: &Path) -> Result<Vec<u32>> {
    read_in_pieces(comm, split, parts, path, PIECE_BYTES)
}

fn read_in_pieces(comm: &Comm, split: EvenSplit, parts: usize, path: &Path, piece_bytes: usize) -> Result<Vec<u32>> {
    let mine = split.share(comm.rank());
    let mut owners = vec![0; (mine.end - mine.start) as usize];
    // Row and owner, by who holds the row.
    let mut outgoing: BTreeMap<usize, Vec<[u64; 2]>> = BTreeMap::new();
    let mut wrong = None;
    let mut pass = Text::open(comm, path, COMMENTS, piece_bytes)?.pass(Items::Lines, true)?;
    while let Some(piece) = pass.next() {
        let before = piece.before.expect("known in a pass that counts");
        let data = lines(piece.text)
            .zip(before.lines + 1..)
            .map(|((_, line), number)| (line.trim_ascii(), number))
            .filter(|(line, _)| is_data(line, COMMENTS));
        for ((line, number), row) in data.zip(before.items..) {
            match std::str::from_utf8(line).ok().and_then(|word| word.parse::<u32>().ok()) {
                Some(owner) if (owner as usize) < parts => {
                    // Owners of rows that there are not: their number is looked at below.
                    if row < split.n {
                        outgoing.entry(split.holder(row)).or_default().push([row, owner.into()]);
                    }
                }
                understood => {
                    wrong.get_or_insert_with(|| (number, wrong_line(path, number, understood, line, parts)));
                }
            }
        }
        if piece.ends_round {
            for (_, arrived) in comm.sparse_exchange(std::mem::take(&mut outgoing).into_iter().collect()) {
                for [row, owner] in arrived {
                    owners[(row - mine.start) as usize] = owner as u32;
                }
            }
        }
    }
    let end = pass.finish()?;
    let first = comm.reduced(Op::Min, wrong.as_ref().map_or(u64::MAX, |(number, _)| *number));
    comm.agree(wrong.filter(|(number, _)| *number == first).map_or(Ok(()), |(_, error)| Err(error)))?;
    let total = end.before.expect("known in a pass that counts").items;
    if total != split.n {
        return Err(Error::input(format!(
            "{}: {total} owners for {} rows: it must hold one owner per row",
            path.display(),
            split.n
        )));
    }
    Ok(owners)
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    /// What the ranks read, one after the other: the same in pieces of any size, and compressed.
    fn read_by(ranks: usize, n: u64, text: &str) -> Result<Vec<u32>> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        let expected = read_once(ranks, n, text.as_bytes(), PIECE_BYTES);
        for (bytes, piece_bytes) in [(text.as_bytes(), 3), (&encoder.finish().unwrap(), 5)] {
            assert_eq!(read_once(ranks, n, bytes, piece_bytes), expected, "{ranks} ranks, {text:?}");
        }
        expected
    }

    fn read_once(ranks: usize, n: u64, bytes: &[u8], piece_bytes: usize) -> Result<Vec<u32>> {
        use std::sync::atomic::{AtomicUsize, Ordering};
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("halocg-parts-{}-{number}", std::process::id()));
        std::fs::write(&path, bytes).unwrap();
        let shares = Comm::threads(ranks, |comm| {
            let split = EvenSplit { n, ranks };
            let share = read_in_pieces(comm, split, 100, &path, piece_bytes)?;
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
