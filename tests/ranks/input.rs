//! Files read by all ranks.

use crate::Body;
use crate::allocations::most_bytes;
use crate::common;
use crate::support::{SerialMatrix, grid, read_matrix};
use halocg::comm::{Comm, Op};
use halocg::problem::{self, EvenSplit, Problem, Reading, Rows, Source};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

pub const BODIES: &[Body] = &[
    ("a file gives the matrix that a plain serial reader finds", serial_reader),
    ("reading holds a share and buffers", memory),
    ("a rank that sees no file, or another one, ends all", another_file),
];

/// Of a gigabyte; run with `--ignored --test-threads 1`, on two ranks.
pub const LARGE: &[Body] = &[("a gigabyte of text is held by shares", gigabyte)];

/// A name in the folder for temporary files that is the same on all ranks and in no other run.
fn common_name(comm: &Comm, what: &str) -> PathBuf {
    let number = comm.broadcast(0, &[u64::from(std::process::id()), counted()]);
    std::env::temp_dir().join(format!("halocg-input-{}-{}-{what}", number[0], number[1]))
}

fn counted() -> u64 {
    static COUNT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
}

fn load(comm: &Comm, path: &Path, reading: &Reading) -> Rows {
    match problem::load_with(comm, &Source::File(path.into()), reading).expect("a good file").problem {
        Problem::Matrix(_, rows) => rows,
        _ => panic!("a file holds a matrix"),
    }
}

fn assert_is_share(comm: &Comm, rows: &Rows, whole: &SerialMatrix, name: &Path) {
    let share = EvenSplit { n: whole.rows() as u64, ranks: comm.size() }.share(comm.rank());
    assert_eq!(rows.numbers, share.collect::<Vec<_>>());
    for (k, &row) in rows.numbers.iter().enumerate() {
        let expected = whole.outer_view(row as usize).expect("a row");
        let (columns, values) = rows.row(k);
        let same = columns.iter().map(|&column| column as usize).eq(expected.indices().iter().copied())
            && values.iter().map(|value| value.to_bits()).eq(expected.data().iter().map(|value| value.to_bits()));
        assert!(same, "row {row} of {}", name.display());
    }
}

fn serial_reader(comm: &Comm) {
    let mut folders = vec![PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("meshes")];
    folders.extend(common::matrices());
    for folder in folders {
        let files = std::fs::read_dir(&folder).expect("a folder").map(|file| file.expect("a file").path());
        let mut files: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|end| end == "mtx")).collect();
        files.sort();
        for path in files {
            let first_line: String = std::fs::read_to_string(&path).unwrap().lines().take(1).collect();
            if !first_line.contains("coordinate") || !first_line.contains("symmetric") {
                continue;
            }
            let whole = read_matrix(&path);
            for piece_bytes in [1000, 1 << 20] {
                let rows = load(comm, &path, &Reading { piece_bytes, ..Reading::default() });
                assert_is_share(comm, &rows, &whole, &path);
            }
        }
    }
}

/// The documented bound, for files of both kinds, and in any order of entries.
fn memory(comm: &Comm) {
    if comm.size() == 1 {
        Comm::threads(8, hold_a_share);
    }
    hold_a_share(comm);
}

fn hold_a_share(comm: &Comm) {
    const PIECE_BYTES: usize = 2048;
    let whole = grid(150, 120);
    for symmetric in [false, true] {
        for scattered in [false, true] {
            let path = common_name(comm, "memory.mtx");
            if comm.is_root() {
                let mut entries: Vec<(usize, usize, f64)> =
                    whole.iter().map(|(&value, (i, j))| (i, j, value)).collect();
                entries.retain(|&(i, j, _)| !symmetric || i >= j);
                if scattered {
                    entries.sort_by_key(|&(i, j, _)| (i * 7919 + j * 104_729) % 1_000_003);
                }
                let n = whole.rows();
                let kind = if symmetric { "symmetric" } else { "general" };
                let mut text = format!("%%MatrixMarket matrix coordinate real {kind}\n{n} {n} {}\n", entries.len());
                for (i, j, value) in entries {
                    writeln!(text, "{} {} {value:?}", i + 1, j + 1).expect("writing to a string succeeds");
                }
                std::fs::write(&path, text).unwrap();
            }
            comm.agree(Ok(())).unwrap();
            let reading = Reading { piece_bytes: PIECE_BYTES, ..Reading::default() };
            let (rows, most) = most_bytes(|| load(comm, &path, &reading));
            assert_is_share(comm, &rows, &whole, &path);
            let share = 32 * rows.columns.len() + 40 * rows.len();
            let buffers = BUFFER_BYTES + 2048 * comm.size();
            let case = format!("symmetric {symmetric}, scattered {scattered}, rank {} of {}", comm.rank(), comm.size());
            assert!(most <= share + buffers, "{case}: {most} bytes, a share of {share} and buffers of {buffers}");
            assert!(most >= 16 * rows.columns.len(), "{case}: the bytes are counted");
            comm.agree(Ok(())).unwrap();
            if comm.is_root() {
                std::fs::remove_file(&path).unwrap();
            }
        }
    }
}

/// For a piece of text of 2 KiB, the entries of a round on their way, and a round of the symmetry check.
const BUFFER_BYTES: usize = 400_000;

/// Points on a side of a square of which the matrix has more than 10⁹ bytes as text.
const WIDTH: u64 = 2500;

/// The rows of a five-point matrix, scaled at random from both sides: values of 16 or 17 digits.
fn five_points(row: u64) -> impl Iterator<Item = (u64, f64)> {
    let scale = |row: u64| 0.5 + (row.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 11) as f64 / (1u64 << 53) as f64;
    let (x, y) = (row % WIDTH, row / WIDTH);
    let places = [(y > 0, WIDTH), (x > 0, 1)].map(|(inside, step)| inside.then(|| row - step));
    let after = [(x + 1 < WIDTH, 1), (y + 1 < WIDTH, WIDTH)].map(|(inside, step)| inside.then(|| row + step));
    let columns = [places[0], places[1], Some(row), after[0], after[1]].into_iter().flatten();
    columns.map(move |column| (column, if column == row { 4.0 } else { -1.0 } * scale(row) * scale(column)))
}

fn write_five_points(path: &Path) -> std::io::Result<u64> {
    use std::io::Write as _;
    let mut file = std::io::BufWriter::with_capacity(1 << 20, std::fs::File::create(path)?);
    let n = WIDTH * WIDTH;
    writeln!(file, "%%MatrixMarket matrix coordinate real general\n{n} {n} {}", 5 * n - 4 * WIDTH)?;
    for row in 0..n {
        for (column, value) in five_points(row) {
            writeln!(file, "{} {} {value:?}", row + 1, column + 1)?;
        }
    }
    file.into_inner()?.metadata().map(|there| there.len())
}

/// Bytes of memory that Linux says this process had at most.
fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(1024 * line.trim().strip_suffix(" kB")?.parse::<u64>().ok()?)
}

/// The documented bound where buffers are small beside a share, and how fast that goes.
fn gigabyte(comm: &Comm) {
    let path = common_name(comm, "gigabyte.mtx");
    let bytes =
        comm.broadcast(0, &[if comm.is_root() { write_five_points(&path).expect("room for it") } else { 0 }])[0];
    assert!(bytes > 1_000_000_000, "{bytes} bytes");
    let begin = comm.clock_seconds();
    let (rows, most) = most_bytes(|| load(comm, &path, &Reading::default()));
    let mut seconds = [comm.clock_seconds() - begin];
    comm.reduce_f64(Op::Max, &mut seconds);
    let rate = bytes as f64 / 1e6 / seconds[0];
    let peak = peak_bytes().map_or(String::new(), |peak| format!(", of the process {:.0} MB", peak as f64 / 1e6));
    let (entries, share) = (rows.columns.len(), 32 * rows.columns.len() + 40 * rows.len());
    println!(
        "rank {} of {}: {bytes} bytes at {rate:.0} MB/s; {entries} entries, at most {:.1} MB, bound {:.1} MB{peak}",
        comm.rank(),
        comm.size(),
        most as f64 / 1e6,
        share as f64 / 1e6
    );
    assert_eq!(comm.reduced(Op::Sum, entries as u64), 5 * WIDTH * WIDTH - 4 * WIDTH);
    for (k, &row) in rows.numbers.iter().enumerate() {
        let (columns, values) = rows.row(k);
        assert!(columns.iter().copied().zip(values.iter().copied()).eq(five_points(row)), "row {row}");
    }
    // 16 MB: blocks that are not full, a few pieces of text and the entries in them.
    assert!(most <= share + (16 << 20), "{most} bytes, a share of {share}");
    assert!(most >= 16 * entries, "the bytes are counted");
    comm.agree(Ok(())).unwrap();
    if comm.is_root() {
        std::fs::remove_file(&path).unwrap();
    }
}

fn another_file(comm: &Comm) {
    if comm.size() == 1 {
        return;
    }
    let (good, short) = (common_name(comm, "good.mtx"), common_name(comm, "short.mtx"));
    let text = "%%MatrixMarket matrix coordinate real symmetric\n2 2 2\n1 1 2\n2 2 2\n";
    if comm.is_root() {
        std::fs::write(&good, text).unwrap();
        std::fs::write(&short, &text[..text.len() - 4]).unwrap();
    }
    comm.agree(Ok(())).unwrap();
    let last = comm.size() - 1;
    let lengths = format!("it has {} bytes on rank 0 and {} on rank", text.len(), text.len() - 4);
    for (other, says) in [(&short, &lengths[..]), (&good.join("missing"), "cannot read it on rank")] {
        let path = if comm.rank() == last { other } else { &good };
        let error = problem::load(comm, &Source::File(path.clone())).expect_err("a rank sees another file").to_string();
        assert!(error.contains(says) && error.contains(&format!("rank {last}")), "{error}");
    }
    comm.agree(Ok(())).unwrap();
    if comm.is_root() {
        std::fs::remove_file(&good).unwrap();
        std::fs::remove_file(&short).unwrap();
    }
}
