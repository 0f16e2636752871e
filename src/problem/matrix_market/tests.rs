use super::super::{EvenSplit, Problem};
use super::*;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

const HEADER: &str = "%%MatrixMarket matrix coordinate real symmetric\n";
const GENERAL: &str = "%%MatrixMarket matrix coordinate real general\n";

/// The entries of every row and the number of duplicates, or a message.
type Read = std::result::Result<(Vec<Vec<(u64, f64)>>, u64), String>;

/// A file of one test; removed afterwards.
struct Input(PathBuf);

impl Input {
    fn new(text: &[u8]) -> Input {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("halocg-mm-{}-{}.mtx", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, text).unwrap();
        Input(path)
    }

    /// A message without this file's name.
    fn message(&self, error: impl std::fmt::Display) -> String {
        error.to_string().replacen(&self.0.display().to_string(), "a.mtx", 1)
    }

    /// The matrix, row after row, or the message; read by so many ranks in pieces of so many bytes.
    fn matrix(&self, ranks: usize, piece_bytes: usize) -> Read {
        let reading = Reading { piece_bytes, ..Reading::default() };
        let results = Comm::threads(ranks, |comm| {
            let loaded = read_matrix(comm, &self.0, &reading)?;
            let Problem::Matrix(n, rows) = loaded.problem else { panic!("a file holds a matrix") };
            assert_eq!(rows.numbers, EvenSplit { n, ranks }.share(comm.rank()).collect::<Vec<_>>());
            assert!((0..rows.len()).all(|k| rows.row(k).0.is_sorted_by(|one, next| one < next)));
            let entries = |k| rows.row(k).0.iter().copied().zip(rows.row(k).1.iter().copied()).collect();
            Ok(((0..rows.len()).map(entries).collect::<Vec<Vec<_>>>(), loaded.duplicates))
        });
        if let Err(error) = &results[0] {
            assert!(results.iter().all(|result| result.as_ref().err() == Some(error)), "every rank has the same error");
            return Err(self.message(error));
        }
        let parts: Vec<_> = results.into_iter().map(|result: Result<_>| result.unwrap()).collect();
        let duplicates = parts[0].1;
        Ok((parts.into_iter().flat_map(|(rows, _)| rows).collect(), duplicates))
    }

    fn vector(&self, n: u64, ranks: usize, piece_bytes: usize) -> std::result::Result<Vec<u64>, String> {
        let reading = Reading { piece_bytes, ..Reading::default() };
        let results = Comm::threads(ranks, |comm| read_vector(comm, &self.0, n, &reading));
        let shares: Result<Vec<Vec<f64>>> = results.into_iter().collect();
        Ok(shares.map_err(|error| self.message(error))?.concat().into_iter().map(f64::to_bits).collect())
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, text).unwrap();
    encoder.finish().unwrap()
}

/// What one rank reads at one go; every number of ranks and every size of the pieces must give the same.
fn read(text: &str) -> Read {
    let plain = Input::new(text.as_bytes());
    let zipped = Input::new(&gzip(text.as_bytes()));
    let expected = plain.matrix(1, 1 << 20);
    for ranks in [1, 2, 3, 4, 7] {
        for piece_bytes in [1, 2, 5, 17, 1 << 20] {
            let case = format!("{ranks} ranks, pieces of {piece_bytes} bytes, {text:?}");
            assert_eq!(plain.matrix(ranks, piece_bytes), expected, "{case}");
            assert_eq!(zipped.matrix(ranks, piece_bytes), expected, "{case}, gzip");
        }
    }
    expected
}

fn refusal(text: &str) -> String {
    read(text).expect_err(text)
}

fn dense(text: &str) -> Vec<Vec<f64>> {
    let rows = read(text).unwrap_or_else(|error| panic!("{error}")).0;
    let n = rows.len() as u64;
    let entry = |row: &Vec<(u64, f64)>, j| row.iter().find(|entry| entry.0 == j).map_or(0.0, |entry| entry.1);
    rows.iter().map(|row| (0..n).map(|j| entry(row, j)).collect()).collect()
}

#[test]
fn every_kind_of_file_gives_the_same_matrix() {
    let expected = vec![vec![2.0, -1.0, 0.0], vec![-1.0, 2.0, 0.0], vec![0.0, 0.0, 1.0]];
    for text in [
        format!("{HEADER}3 3 4\n1 1 2\n2 1 -1\n2 2 2\n3 3 1\n"),
        format!("{HEADER}3 3 4\n1 1 2\n1 2 -1\n2 2 2\n3 3 1\n"), // upper triangle
        format!("{HEADER}3 3 5\n1 1 2\n1 2 -1\n2 2 2\n3 3 1\n3 1 0\n"), // a stored zero
        format!("{HEADER}3 3 5\n1 1 2\n2 1 -1\n1 2 -1\n2 2 2\n3 3 1\n"), // both triangles
        format!("{HEADER}3 3 5\n1 1 1\n1 1 1\n2 1 -1\n2 2 2\n3 3 1\n"), // duplicates are summed
        format!("{HEADER}% words\n\n3 3 4\n\n1 1 2.0D+00\n  2 1 -1e0\n% more\n2 2 +2\n3 3 1"),
        format!("{HEADER}3 3 4\n1 1 2\n2 1 -1\n2 2 2\n3 3 1\n").replace('\n', "\r\n"),
        "%%matrixmarket MATRIX Coordinate Integer General\n3 3 5\n1 1 2\n2 1 -1\n1 2 -1\n2 2 2\n3 3 1\n".into(),
        "%%MatrixMarket matrix array real symmetric\n3 3\n2\n-1\n0\n2\n0\n1\n".into(),
        "%%MatrixMarket matrix array real general\n3 3\n2\n-1\n0\n-1\n2\n0\n0\n0\n1\n".into(),
        "%%MatrixMarket matrix array real general\n3 3\n2 -1\n%\n0\n-1 2 0 0 0\t1".into(),
    ] {
        assert_eq!(dense(&text), expected, "{text}");
    }
    assert_eq!(dense("%%MatrixMarket matrix coordinate pattern symmetric\n1 1 1\n1 1\n"), [[1.0]]);
}

#[test]
fn bad_files_are_refused_with_file_and_line() {
    for (text, says) in [
        (String::new(), "a.mtx:1: not a Matrix Market file: it is empty"),
        ("hello\n".into(), "a.mtx:1: not a Matrix Market file, of which"),
        (
            "\0\x12{Q more".into(),
            "a.mtx:1: not a Matrix Market file, nor a binary one of halocg's or PETSc's: it begins with the bytes 00 12 7b 51",
        ),
        (HEADER.replace("real", "complex"), "a.mtx:1: the file is complex"),
        (HEADER.replace("symmetric", "skew-symmetric"), "a.mtx:1: the matrix is skew"),
        (HEADER.replace("symmetric", "hermitian"), "a.mtx:1: the matrix is Hermitian"),
        (HEADER.into(), "a.mtx:1: the file ends before its size line"),
        (format!("{HEADER}2 2\n"), "a.mtx:2: the size line must hold 3 whole numbers"),
        (format!("{HEADER}2 3 1\n1 1 1\n"), "a.mtx:2: the matrix is 2 x 3"),
        (format!("{HEADER}0 0 0\n"), "a.mtx:2: the matrix has no rows"),
        (format!("{HEADER}1 1 18446744073709551615\n1 1 1\n"), "a.mtx:2: the size line announces"),
        (format!("{HEADER}1 1 99999999999999999999\n1 1 1\n"), "a.mtx:2: the size line must hold"),
        (format!("{HEADER}4000000000 4000000000 1\n1 1 1\n"), "a.mtx:2: 4000000000 rows but only 1 entries"),
        (format!("{HEADER}2 2 3\n1 1 1\n2 2 1\n% and then nothing more\n"), "a.mtx:5: the file ends after 2 of 3"),
        (format!("{HEADER}1 1 1\n1 1 1\n1 1 1\n"), "a.mtx:4: `1 1 1` follows the 1 announced"),
        (format!("{HEADER}1 1 1\n0 1 1\n"), "a.mtx:3: row 0 is outside 1 ... 1"),
        (format!("{HEADER}1 1 1\n1 2 1\n"), "a.mtx:3: column 2 is outside"),
        (format!("{HEADER}1 1 1\n1 -1 1\n"), "a.mtx:3: `-1` is not a column number"),
        (format!("{HEADER}1 1 1\n1 1 nan\n"), "a.mtx:3: `nan` is not a finite number"),
        (format!("{HEADER}1 1 1\n1 1 1e400\n"), "a.mtx:3: `1e400` is not a finite number"),
        (format!("{HEADER}1 1 1\n1 1\n"), "a.mtx:3: the value is missing"),
        (format!("{HEADER}1 1 1\n1 1 1 7\n"), "a.mtx:3: unexpected `7`"),
        (
            format!("{HEADER}2 2 4\n1 1 2\n2 1 1\n1 2 3\n2 2 2\n"),
            "a.mtx:5: the file says `symmetric` but stores both A(1,2) = 3 and A(2,1) = 1",
        ),
        (format!("{GENERAL}2 2 3\n1 1 1\n2 2 1e308\n2 2 1e308\n"), "a.mtx:4: the values given for A(2,2) add up to no"),
        (format!("{HEADER}2 2 2\n1 1 1\n2 2 -3\n"), "a.mtx:4: A(2,2) = -3: a positive definite"),
    ] {
        let refused = refusal(&text);
        assert!(refused.starts_with(says), "{text:?} gave {refused:?}, not {says:?}");
    }
    let one_triangle = refusal(&format!("{GENERAL}2 2 3\n1 1 2\n2 2 2\n2 1 1\n"));
    assert!(one_triangle.starts_with("a.mtx:5:") && one_triangle.contains("only one triangle"), "{one_triangle}");
    let (one_sided_zero, _) = read(&format!("{GENERAL}2 2 3\n1 1 2\n2 2 2\n2 1 0\n")).expect("a diagonal matrix");
    assert_eq!(one_sided_zero, [vec![(0, 2.0)], vec![(1, 2.0)]]);
    let asymmetric = refusal(&format!("{GENERAL}2 2 4\n1 1 2\n2 2 2\n2 1 1\n1 2 3\n"));
    assert!(asymmetric.starts_with("a.mtx:6:") && asymmetric.contains("A(1,2) = 3 but A(2,1) is 1"), "{asymmetric}");
    let array = refusal("%%MatrixMarket matrix array real general\n2 2\n1\n\n5 4\n1\n");
    assert!(array.starts_with("a.mtx:5:"), "{array}");
}

/// Of several things that are wrong, the first one in the file counts, wherever the ranges of ranks and pieces end.
#[test]
fn the_first_of_several_errors_is_found_by_any_rank() {
    let good = ["1 1 2", "2 1 -1", "2 2 2", "% words", "", "3 3 2", "3 2 -1", "4 4 2"];
    for first in 0..good.len() {
        for second in first + 1..good.len() {
            for bad in ["9 1 1", "1 x 1", "1 1 1 1", "1 1 inf", "nonsense"] {
                for end in ["\n", "\r\n"] {
                    let mut lines = good;
                    (lines[first], lines[second]) = (bad, "worse");
                    let text = format!("{HEADER}4 4 6\n{}", lines.join("\n")).replace('\n', end);
                    let plain = Input::new(text.as_bytes());
                    // A blank line that became a bad one is one entry too many; only after the others, though.
                    let says = format!("a.mtx:{}: ", first + 3);
                    for (ranks, piece_bytes) in [(1, 1 << 20), (2, 3), (3, 1), (4, 1 << 20), (7, 11)] {
                        let refused = plain.matrix(ranks, piece_bytes).expect_err(&text);
                        assert!(refused.starts_with(&says), "{ranks} ranks, {text:?} gave {refused:?}, not {says:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn duplicates_are_added_in_the_order_of_the_file_and_counted() {
    // The sum depends on the order: (1e16 + 1) + -1e16 = 0, but (1e16 + -1e16) + 1 = 1.
    let parts = ["1e16", "1", "-1e16", "1", "3", "1e-3"];
    let entries: Vec<String> = parts.iter().map(|part| format!("2 1 {part}\n1 1 1\n")).collect();
    let sum = parts.iter().fold(0.0, |sum: f64, part| sum + part.parse::<f64>().unwrap());
    let text = format!("{HEADER}2 2 13\n2 2 5\n{}", entries.concat());
    assert_eq!(read(&text), Ok((vec![vec![(0, 6.0), (1, sum)], vec![(0, sum), (1, 5.0)]], 10)));
    let upper = text.replace("2 1 ", "1 2 ");
    assert_eq!(read(&upper), read(&text));
}

#[test]
fn a_matrix_taken_as_it_is_keeps_its_entries() {
    let input = Input::new(format!("{GENERAL}2 2 3\n1 1 2\n2 2 2\n2 1 1\n").as_bytes());
    let reading = Reading { assume_symmetric: true, ..Reading::default() };
    let loaded = read_matrix(&Comm::alone(), &input.0, &reading).unwrap();
    let Problem::Matrix(2, rows) = loaded.problem else { panic!("a matrix of two rows") };
    assert_eq!((rows.row(0), rows.row(1)), ((&[0][..], &[2.0][..]), (&[0, 1][..], &[1.0, 2.0][..])));
}

#[test]
fn a_vector_comes_back_as_it_was_written() {
    let x: [f64; 9] = [1.0, -2.5e-300, 1.0 / 3.0, -0.0, 4.0, 5.0, 6.0, 7.0, 8.0];
    let bits: Vec<u64> = x.iter().map(|x| x.to_bits()).collect();
    let sparse = Input::new(format!("{GENERAL}3 1 3\n2 1 5\n3 1 1e16\n2 1 1\n").as_bytes());
    let huge = Input::new(format!("{GENERAL}3 1 3\n2 1 1e308\n3 1 1\n2 1 1e308\n").as_bytes());
    let written = Input::new(b"");
    for ranks in [1, 2, 3, 4, 7] {
        let split = EvenSplit { n: 9, ranks };
        Comm::threads(ranks, |comm| {
            let share = split.share(comm.rank());
            write_vector(comm, &x[share.start as usize..share.end as usize], &written.0).unwrap();
        });
        for piece_bytes in [1, 7, 1 << 20] {
            assert_eq!(written.vector(9, ranks, piece_bytes), Ok(bits.clone()));
            assert_eq!(sparse.vector(3, ranks, piece_bytes), Ok([0.0, 6.0, 1e16].map(f64::to_bits).to_vec()));
            let sum = huge.vector(3, ranks, piece_bytes).unwrap_err();
            assert!(sum.ends_with("the values given for row 2 add up to no finite number"), "{sum}");
            let short = written.vector(4, ranks, piece_bytes).unwrap_err();
            assert!(short.starts_with("a.mtx:2: expected a vector of 4 values"), "{short}");
        }
    }
}

/// No bytes make the reader panic, and every number of ranks says the same about them.
#[test]
fn damaged_bytes_are_refused_or_read_alike() {
    use rand_chacha::rand_core::{Rng, SeedableRng};
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(3);
    let good = format!("{HEADER}% words\n4 4 7\n1 1 2\n2 1 -1.5e0\n2 2 2\n\n3 3 1.25\n4 4 9\n4 3 0.5\n3 1 -0.125\n");
    let mut read_well = 0;
    for _ in 0..400 {
        let mut bytes = good.clone().into_bytes();
        for _ in 0..1 + random.next_u64() % 3 {
            let at = (random.next_u64() % bytes.len() as u64) as usize;
            match random.next_u64() % 4 {
                0 => bytes[at] = random.next_u64() as u8,
                1 => bytes[at] = b"0123456789 \n\r%-+.eE"[(random.next_u64() % 19) as usize],
                2 => drop(bytes.remove(at)),
                _ => bytes.truncate(at.max(1)),
            }
        }
        let input = Input::new(&bytes);
        let expected = input.matrix(1, 1 << 20);
        read_well += u32::from(expected.is_ok());
        for (ranks, piece_bytes) in [(2, 1 << 20), (3, 4), (4, 1)] {
            assert_eq!(input.matrix(ranks, piece_bytes), expected, "{:?}", String::from_utf8_lossy(&bytes));
        }
    }
    assert!(read_well > 10, "{read_well}");
}
