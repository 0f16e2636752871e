//! Binary files: the same bits back on any ranks, the same bytes as the real PETSc, damage refused by all ranks.

use crate::Body;
use crate::support::{Random, random_spd};
use halocg::comm::Comm;
use halocg::error::{Error, ExitCode};
use halocg::problem::{self, EvenSplit, FileFormat, Problem, Rows, Source};
use std::path::{Path, PathBuf};

pub const BODIES: &[Body] = &[
    ("binary files come back bit for bit", round_trips),
    ("files of the real PETSc are read and written alike", files_of_petsc),
    ("a damaged hcg file is refused", damaged_hcg),
    ("a damaged PETSc file is refused", damaged_petsc),
    ("a file whose checksums fit is looked at all the same", lying_hcg),
    ("PETSc's sizes are not believed", lying_petsc),
];

const BINARY: [FileFormat; 3] = [FileFormat::Hcg, FileFormat::Petsc, FileFormat::Petsc64];

/// A folder that all ranks see; rank 0 takes it away in the end.
struct Folder(PathBuf, Comm);

impl Folder {
    fn new(comm: &Comm) -> Folder {
        use std::sync::atomic::{AtomicUsize, Ordering};
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let mut name = format!("files {} {}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)).into_bytes();
        name = comm.broadcast(0, &name);
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(String::from_utf8(name).expect("UTF-8"));
        if comm.is_root() {
            std::fs::create_dir_all(&path).expect("a folder for the test");
        }
        Folder(path, comm.clone())
    }

    /// Rank 0 writes a file, and all wait for it.
    fn write(&self, bytes: &[u8]) -> PathBuf {
        let path = self.0.join("file");
        if self.1.is_root() {
            std::fs::write(&path, bytes).expect("a file for the test");
        }
        self.1.broadcast(0, &[0u8]);
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !std::thread::panicking() && self.1.is_root() {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn load(comm: &Comm, path: &Path) -> Result<(u64, Rows), Error> {
    match problem::load(comm, &Source::File(path.to_path_buf()))? {
        Problem::Matrix(n, rows) => Ok((n, rows)),
        _ => panic!("a file holds a matrix"),
    }
}

fn load_vector(comm: &Comm, path: &Path, n: u64) -> Result<Vec<f64>, Error> {
    problem::read_vector(comm, path, n)
}

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// The rows of a share, and the values of a vector there.
fn share<T: Clone>(comm: &Comm, whole: &[T]) -> Vec<T> {
    let share = EvenSplit { n: whole.len() as u64, ranks: comm.size() }.share(comm.rank());
    whole[share.start as usize..share.end as usize].to_vec()
}

fn rows_of(comm: &Comm, entries: &[Vec<(u64, f64)>]) -> Rows {
    let mut rows = Rows::new();
    let numbers: Vec<u64> = (0..entries.len() as u64).collect();
    for (number, row) in share(comm, &numbers).into_iter().zip(share(comm, entries)) {
        rows.push(number, row);
    }
    rows
}

/// Writes with all ranks, reads with all ranks, with one, and sets the bytes against those that one rank writes.
fn there_and_back(comm: &Comm, entries: &[Vec<(u64, f64)>], x: &[f64]) {
    let folder = Folder::new(comm);
    let n = entries.len() as u64;
    let rows = rows_of(comm, entries);
    for format in BINARY {
        let (a, v) = (folder.0.join("a"), folder.0.join("v"));
        problem::write_matrix(comm, &Problem::Matrix(n, rows.clone()), &a, format).unwrap();
        problem::write_vector(comm, &share(comm, x), &v, format).unwrap();
        let (n_read, rows_read) = load(comm, &a).unwrap();
        assert_eq!((n_read, &rows_read), (n, &rows), "{format:?}");
        assert_eq!(bits(&rows_read.values), bits(&rows.values));
        assert_eq!(bits(&load_vector(comm, &v, n).unwrap()), bits(&share(comm, x)), "{format:?}");
        let wrong = load_vector(comm, &v, n + 1).unwrap_err();
        assert!(wrong.to_string().ends_with(&format!("expected a vector of {} values, found {n}", n + 1)), "{wrong}");
        for (path, says) in [(&a, "where a vector is needed"), (&v, "where a matrix is needed")] {
            let error = if path == &a { load_vector(comm, path, n).err() } else { load(comm, path).err() };
            let error = error.expect("the other kind of file");
            assert_eq!(error.exit_code(), ExitCode::Input);
            assert!(error.to_string().ends_with(says), "{error}");
        }
        if comm.is_root() {
            let alone = Comm::alone();
            let whole = load(&alone, &a).unwrap();
            assert_eq!(whole, (n, rows_of(&alone, entries)));
            let (a1, v1) = (folder.0.join("a1"), folder.0.join("v1"));
            problem::write_matrix(&alone, &Problem::Matrix(n, whole.1), &a1, format).unwrap();
            problem::write_vector(&alone, x, &v1, format).unwrap();
            assert_eq!((read(&a1), read(&v1)), (read(&a), read(&v)), "the ranks leave no trace in a file");
        }
    }
}

fn round_trips(comm: &Comm) {
    let mut random = Random::new(31);
    for (n, per_row, hub) in [(1, 0, false), (2, 1, false), (5, 2, false), (60, 3, true), (400, 5, false)] {
        let matrix = random_spd(&mut random, n, per_row, hub);
        let row = |row: sprs::CsVecView<f64>| row.iter().map(|(column, value)| (column as u64, *value)).collect();
        let mut entries: Vec<Vec<(u64, f64)>> = matrix.outer_iterator().map(row).collect();
        if n == 5 {
            // What a text might lose: a stored zero, the smallest number, and more digits than decimal ones.
            for (i, j, value) in [(0, 4, 0.0), (1, 3, -5e-324), (2, 0, 0.1 + 0.2)] {
                for (i, j) in [(i, j), (j, i)] {
                    entries[i as usize].retain(|entry| entry.0 != j);
                    entries[i as usize].push((j, value));
                    entries[i as usize].sort_by_key(|entry| entry.0);
                }
            }
        }
        let mut x = random.vector(n);
        x[0] = -0.0;
        there_and_back(comm, &entries, &x);
    }
}

/// What tests/data/petsc_files.c writes, row by row.
fn entries_of_petsc() -> Vec<Vec<(u64, f64)>> {
    let entry = |i: u64, j: u64| match (i.abs_diff(j), i.min(j) as f64) {
        (0, low) => Some((j, 4.0 + low / 7.0)),
        (1, low) => Some((j, -1.0 / (low + 3.0))),
        (5, low) => Some((j, (low + 1.0) / -10.0)),
        _ => None,
    };
    (0..11).map(|i| (0..11).filter_map(|j| entry(i, j)).collect()).collect()
}

fn vector_of_petsc() -> Vec<f64> {
    (0..11).map(|i| if i % 2 == 0 { 1.0 } else { -1.0 } / (i as f64 + 1.0)).collect()
}

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

fn files_of_petsc(comm: &Comm) {
    let rows = rows_of(comm, &entries_of_petsc());
    let x = share(comm, &vector_of_petsc());
    let folder = Folder::new(comm);
    for (format, matrix, vector) in [
        (FileFormat::Petsc, "matrix.petsc", "vector.petsc"),
        (FileFormat::Petsc, "both.petsc", "both.petsc"), // one after the other
        (FileFormat::Petsc64, "matrix64.petsc", "vector64.petsc"),
    ] {
        let (matrix, vector) = (data(matrix), data(vector));
        assert_eq!(load(comm, &matrix).unwrap(), (11, rows.clone()));
        assert_eq!(bits(&load_vector(comm, &vector, 11).unwrap()), bits(&x));
        let (a, v) = (folder.0.join("a"), folder.0.join("v"));
        problem::write_matrix(comm, &Problem::Matrix(11, rows.clone()), &a, format).unwrap();
        problem::write_vector(comm, &x, &v, format).unwrap();
        if comm.is_root() {
            if matrix == vector {
                assert_eq!([read(&a), read(&v)].concat(), read(&matrix));
            } else {
                assert_eq!((read(&a), read(&v)), (read(&matrix), read(&vector)));
            }
        }
        comm.broadcast(0, &[0u8]);
    }
}

/// Every rank says the same; returns it, if it is a refusal of this file.
fn refusal<T>(comm: &Comm, path: &Path, result: Result<T, Error>) -> Option<Error> {
    let error = result.err();
    let words = error.as_ref().map_or(String::new(), |error| format!("{} {error}", error.exit_code() as u8));
    assert_eq!(comm.broadcast(0, words.as_bytes()), words.as_bytes());
    if let Some(error) = &error {
        assert!(error.to_string().starts_with(&path.display().to_string()), "{error}");
    }
    error
}

fn refused<T>(comm: &Comm, path: &Path, result: Result<T, Error>, what: &str) -> String {
    let error = refusal(comm, path, result).unwrap_or_else(|| panic!("{what} is not noticed"));
    assert_eq!(error.exit_code(), ExitCode::Input, "{what}: {error}");
    error.to_string()
}

/// A small matrix and a vector in a format.
fn small(comm: &Comm, folder: &Folder, format: FileFormat) -> [Vec<u8>; 2] {
    let entries = [vec![(0, 2.0), (1, -1.0)], vec![(0, -1.0), (1, 2.0), (2, 0.1)], vec![(1, 0.1), (2, 3.5)]];
    let (a, v) = (folder.0.join("a"), folder.0.join("v"));
    problem::write_matrix(comm, &Problem::Matrix(3, rows_of(comm, &entries)), &a, format).unwrap();
    problem::write_vector(comm, &share(comm, &[1.0, -2.0, 0.3]), &v, format).unwrap();
    let root = comm.is_root();
    [a, v].map(|path| comm.broadcast(0, &if root { read(&path) } else { Vec::new() }))
}

fn damaged_hcg(comm: &Comm) {
    let folder = Folder::new(comm);
    let [a, v] = small(comm, &folder, FileFormat::Hcg);
    for good in [&a, &v] {
        let open = |bytes: &[u8], what: &str| {
            let path = folder.write(bytes);
            if std::ptr::eq(good, &a) {
                refused(comm, &path, load(comm, &path), what)
            } else {
                refused(comm, &path, load_vector(comm, &path, 3), what)
            }
        };
        for at in 0..good.len() {
            for mask in [1, 0x80] {
                let mut bad = good.clone();
                bad[at] ^= mask;
                let says = open(&bad, &format!("byte {at} changed by {mask}"));
                let expected = match at {
                    1..4 => "not a Matrix Market",
                    0..8 => "the mark at its beginning is damaged",
                    8..12 => "this halocg knows version 1 only",
                    12..48 => "the header is damaged",
                    _ => "is damaged: its checksum is",
                };
                assert!(says.contains(expected), "byte {at}: {says}");
            }
        }
        for length in 0..good.len() {
            let says = open(&good[..length], &format!("the file cut off after {length} bytes"));
            assert!(length < 4 || says.contains("cut off"), "{length}: {says}");
        }
        for extra in [1, 8, 12] {
            let says = open(&[good, &vec![0; extra][..]].concat(), "what follows the last section");
            assert!(says.contains(&format!("{extra} bytes follow the last section")), "{says}");
        }
    }
}

fn damaged_petsc(comm: &Comm) {
    let folder = Folder::new(comm);
    for format in [FileFormat::Petsc, FileFormat::Petsc64] {
        let [a, v] = small(comm, &folder, format);
        for length in 0..a.len() {
            let path = folder.write(&a[..length]);
            refused(comm, &path, load(comm, &path), &format!("a matrix cut off after {length} bytes"));
        }
        for length in 0..v.len() {
            let path = folder.write(&v[..length]);
            refused(comm, &path, load_vector(comm, &path, 3), &format!("a vector cut off after {length} bytes"));
        }
        for extra in [1, 4, 8, 100] {
            let path = folder.write(&[&a, &vec![0; extra][..]].concat());
            let says = refused(comm, &path, load(comm, &path), "what follows the matrix");
            assert!(says.contains("neither a matrix nor a vector"), "{says}");
        }
        // There is no checksum: but whatever changed, all ranks say the same, and nothing but numbers goes unnoticed.
        let values = a.len() - 7 * 8;
        for at in 0..a.len() {
            let mut bad = a.clone();
            bad[at] ^= 0x40;
            let path = folder.write(&bad);
            let error = refusal(comm, &path, load(comm, &path));
            assert!(at >= values || error.is_some(), "byte {at}");
        }
    }
}

/// A matrix file as docs/formats.md describes it, checksums and all.
fn hcg(kind: u32, sizes: [u64; 2], starts: &[u64], values: &[f64], columns: &[u32]) -> Vec<u8> {
    let le = |starts: &[u64]| starts.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
    let sections = [le(starts), le(&bits(values)), columns.iter().flat_map(|column| column.to_le_bytes()).collect()];
    let mut file = b"\x89HCG\r\n\x1a\n".to_vec();
    file.extend([1, kind].iter().flat_map(|word: &u32| word.to_le_bytes()));
    file.extend(le(&sizes));
    file.extend(sections.iter().flat_map(|section| crc32fast::hash(section).to_le_bytes()));
    file.extend(crc32fast::hash(&file).to_le_bytes());
    [file, sections.concat()].concat()
}

fn lying_hcg(comm: &Comm) {
    let folder = Folder::new(comm);
    let good = hcg(1, [2, 4], &[0, 2, 4], &[2.0, -1.0, -1.0, 2.0], &[0, 1, 0, 1]);
    assert_eq!(load(comm, &folder.write(&good)).unwrap().0, 2);
    let v = [2.0, -1.0, -1.0, 2.0];
    for (bytes, code, says) in [
        (hcg(7, [2, 4], &[0, 2, 4], &v, &[0, 1, 0, 1]), 3, "the header names the unknown kind 7"),
        (hcg(2, [2, 4], &[], &v, &[]), 3, "the header gives 2 rows and 4 values"),
        (hcg(1, [0, 0], &[0], &[], &[]), 3, "the matrix has no rows"),
        (hcg(1, [2, 5], &[0, 2, 4], &v, &[0, 1, 0, 1]), 3, "the section `columns` is cut off"),
        (hcg(1, [3, 4], &[0, 2, 4], &v, &[0, 1, 0, 1]), 3, "the section `columns` is cut off"),
        (hcg(1, [1, 4], &[0, 2, 4], &v, &[0, 1, 0, 1]), 3, "8 bytes follow the last section"),
        (hcg(1, [1 << 40, 1 << 40], &[0, 2, 4], &v, &[0, 1, 0, 1]), 3, "the section `row pointer` is cut off"),
        (hcg(1, [u64::MAX, 4], &[0, 2, 4], &v, &[0, 1, 0, 1]), 3, "more entries than any file can hold"),
        (hcg(1, [2, u64::MAX / 4], &[0, 2, 4], &v, &[0, 1, 0, 1]), 3, "more entries than any file can hold"),
        (hcg(1, [2, 4], &[1, 2, 4], &v, &[0, 1, 0, 1]), 3, "the row pointer does not increase"),
        (hcg(1, [2, 4], &[0, 2, 3], &v, &[0, 1, 0, 1]), 3, "the row pointer does not increase"),
        (hcg(1, [2, 4], &[0, 5, 4], &v, &[0, 1, 0, 1]), 3, "the row pointer does not increase"),
        (hcg(1, [2, 4], &[0, u64::MAX, 4], &v, &[0, 1, 0, 1]), 3, "the row pointer does not increase"),
        (hcg(1, [2, 4], &[0, 2, 4], &v, &[0, 1, 0, 2]), 3, "row 2 has column 3, which is outside 1 ... 2"),
        (hcg(1, [2, 4], &[0, 2, 4], &v, &[0, u32::MAX, 0, 1]), 3, "row 1 has column 4294967296, which is outside"),
        (hcg(1, [2, 4], &[0, 2, 4], &v, &[0, 1, 1, 1]), 3, "row 2 has column 2 twice"),
        (hcg(1, [2, 4], &[0, 2, 4], &v, &[1, 0, 0, 1]), 3, "column 1 follows column 2 in row 1"),
        (hcg(1, [2, 4], &[0, 2, 4], &[2.0, -1.0, f64::NAN, 2.0], &[0, 1, 0, 1]), 3, "A(2,1) = NaN is not a finite"),
        (hcg(1, [2, 4], &[0, 2, 4], &[2.0, -1.0, -1.5, 2.0], &[0, 1, 0, 1]), 7, "the matrix is not symmetric: A(1,2)"),
        (hcg(1, [2, 3], &[0, 2, 3], &[2.0, -1.0, 2.0], &[0, 1, 1]), 7, "the matrix is not symmetric: A(1,2)"),
        (hcg(1, [2, 4], &[0, 2, 4], &[2.0, -1.0, -1.0, -2.0], &[0, 1, 0, 1]), 7, "A(2,2) = -2"),
    ] {
        let path = folder.write(&bytes);
        let error = refusal(comm, &path, load(comm, &path)).unwrap_or_else(|| panic!("not refused: {says}"));
        assert_eq!(error.exit_code() as u8, code, "{error}");
        assert!(error.to_string().contains(says), "{error}\n{says}");
    }
    // The two halves may differ in the last digits, and a zero may be stored on one side only: it is left out.
    let last_digit = f64::from_bits((-1.0f64).to_bits() + 1);
    let (starts, columns) = ([0, 3, 5, 6], [0, 1, 2, 0, 1, 2]);
    let bytes = hcg(1, [3, 6], &starts, &[2.0, -1.0, 0.0, last_digit, 2.0, 1.0], &columns);
    let (_, rows) = load(comm, &folder.write(&bytes)).unwrap();
    let kept = [vec![(0, 2.0), (1, -1.0)], vec![(0, last_digit), (1, 2.0)], vec![(2, 1.0)]];
    assert_eq!(rows, rows_of(comm, &kept));
    let path = folder.write(&hcg(2, [2, 2], &[], &[1.0, f64::INFINITY], &[]));
    let says = refused(comm, &path, load_vector(comm, &path, 2), "an infinite value");
    assert!(says.contains("value 2 is inf, not a finite number"), "{says}");
}

fn lying_petsc(comm: &Comm) {
    let folder = Folder::new(comm);
    let file = |integers: &[i32], values: &[f64]| {
        let values = values.iter().flat_map(|value| value.to_be_bytes());
        integers.iter().flat_map(|integer| integer.to_be_bytes()).chain(values).collect::<Vec<u8>>()
    };
    const M: i32 = 1211216;
    let v = [2.0, -1.0, -1.0, 2.0];
    let (_, sorted) = load(comm, &folder.write(&file(&[M, 2, 2, 4, 2, 2, 0, 1, 0, 1], &v))).unwrap();
    // PETSc reads rows in any order of their columns.
    let (_, rows) = load(comm, &folder.write(&file(&[M, 2, 2, 4, 2, 2, 1, 0, 0, 1], &[-1.0, 2.0, -1.0, 2.0]))).unwrap();
    assert_eq!(rows, sorted);
    for (bytes, code, says) in [
        (file(&[M, 2, 2, -1], &v), 3, "stored dense: convert it with MatConvert"),
        (file(&[M, 2, 2, -4, 2, 2, 0, 1, 0, 1], &v), 3, "the sizes of the matrix hold -4"),
        (file(&[M, -2, 2, 4, 2, 2, 0, 1, 0, 1], &v), 3, "the sizes of the matrix hold -2"),
        (file(&[M, 2, 3, 4, 2, 2, 0, 1, 0, 1], &v), 3, "the matrix is 2 x 3: halocg needs a square one"),
        (file(&[M, 0, 0, 0], &[]), 3, "the matrix has no rows"),
        (file(&[M, i32::MAX, i32::MAX, 4, 2, 2, 0, 1, 0, 1], &v), 3, "does not fit into the 72 bytes"),
        (file(&[M, 2, 2, i32::MAX, 2, 2, 0, 1, 0, 1], &v), 3, "does not fit into the 72 bytes"),
        (file(&[M, 2, 2, 4, 2, 1, 0, 1, 0, 1], &v), 3, "the rows have 3 entries and the matrix 4"),
        (file(&[M, 2, 2, 3, 2, 2, 0, 1, 0], &v[..3]), 3, "the rows have 4 entries and the matrix 3"),
        (file(&[M, 2, 2, 4, 3, 1, 0, 1, 0, 1], &v), 3, "row 1 has the length 3"),
        (file(&[M, 2, 2, 4, 5, -1, 0, 1, 0, 1], &v), 3, "row "),
        (file(&[M, 2, 2, 4, 2, 2, 0, 1, 0, 2], &v), 3, "row 2 has column 3, which is outside"),
        (file(&[M, 2, 2, 4, 2, 2, 0, -1, 0, 1], &v), 3, "row 1 has column 0, which is outside"),
        (file(&[M, 2, 2, 4, 2, 2, 0, i32::MIN, 0, 1], &v), 3, "row 1 has column -2147483647, which is outside"),
        (file(&[M, 2, 2, 4, 2, 2, 0, 1, 1, 1], &v), 3, "row 2 has column 2 twice"),
        (file(&[M, 2, 2, 4, 2, 2, 0, 1, 0, 1], &[2.0, -1.0, f64::INFINITY, 2.0]), 3, "A(2,1) = inf"),
        (file(&[M, 2, 2, 4, 2, 2, 0, 1, 0, 1], &[2.0, -1.0, -2.0, 2.0]), 7, "the matrix is not symmetric"),
        (file(&[M, 2, 2, 4, 2, 2, 0, 1, 0, 1], &[2.0, 0.0, -1.0, 0.0, -1.0, 0.0, 2.0, 0.0]), 3, "for complex"),
        (file(&[1211214, 2], &[1.0, 2.0]), 3, "the file holds a vector of 2 rows, where a matrix is needed"),
        (file(&[1211214, -2], &[1.0, 2.0]), 3, "the sizes of the vector hold -2"),
    ] {
        let path = folder.write(&bytes);
        let error = refusal(comm, &path, load(comm, &path)).unwrap_or_else(|| panic!("not refused: {says}"));
        assert_eq!(error.exit_code() as u8, code, "{error}");
        assert!(error.to_string().contains(says), "{error}\n{says}");
    }
}
