//! METIS takes no more memory than was stated beforehand, as the system sees it: what C allocates, an allocator of Rust's does not.

mod common;

use halocg::comm::Comm;
use halocg::partition::{self, Partition};
use halocg::problem::{EvenSplit, Problem, Rows, Stencil};

/// Names the case that a copy of this program is to measure.
const CASE_VARIABLE: &str = "HALOCG_TEST_METIS";

/// Kind of graph, and parts.
const CASES: [(&str, usize); 9] = [
    ("grid", 2),
    ("grid", 64),
    ("network", 64),
    ("network", 4096),
    ("star", 16),
    ("dense network", 4096),
    ("network", 65536),
    ("grid", 65536),
    ("dense network", 64),
];

fn problem(case: &str) -> Problem {
    match case {
        "grid" => {
            let grid = Stencil::new([56, 56, 56], 3, 7).expect("a grid");
            Problem::Matrix(grid.n(), grid.rows(0..grid.n()))
        }
        "dense network" => coupled(30_000, |row| {
            (1..21).map(|k| (row * 7919 + k * 104_729 + row * row % 65_537 * k) % 30_000).collect()
        }),
        "network" => {
            coupled(100_000, |row| (1..5).map(|k| (row * 7919 + k * 104_729 + row * row % 65_537) % 100_000).collect())
        }
        "star" => coupled(300_000, |_| vec![0]),
        _ => panic!("no case is called {case}"),
    }
}

/// `n` rows, coupled as said, in both directions.
fn coupled(n: u64, to: impl Fn(u64) -> Vec<u64>) -> Problem {
    let mut places: Vec<(u64, u64)> =
        (0..n).flat_map(|row| to(row).into_iter().flat_map(move |column| [(row, column), (column, row)])).collect();
    places.extend((0..n).map(|row| (row, row)));
    places.sort_unstable();
    places.dedup();
    let mut rows = Rows::new();
    let mut places = places.into_iter().peekable();
    for row in 0..n {
        let mut entries = Vec::new();
        while let Some((_, column)) = places.next_if(|place| place.0 == row) {
            entries.push((column, 1.0));
        }
        rows.push(row, entries);
    }
    Problem::Matrix(n, rows)
}

/// Bytes that Linux tells about this process.
fn status(what: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells");
    let line = status.lines().find_map(|line| line.strip_prefix(what)).expect("it is told");
    1024 * line.trim_matches([':', '\t', ' ', 'k', 'B']).parse::<u64>().expect("a number")
}

/// What a process of its own finds: the memory that a partition takes, and what was stated.
fn measure(case: &str, parts: usize) {
    let problem = problem(case);
    let Problem::Matrix(n, rows) = &problem else { panic!("a matrix") };
    let stated = partition::metis_bytes(*n, rows.values.len() as u64, parts);
    // From here on the greatest size counts from the present one.
    std::fs::write("/proc/self/clear_refs", "5").expect("a process may reset its own peak");
    let before = status("VmRSS");
    let owners = partition::assign_parts(&Comm::alone(), &problem, &Partition::Metis, parts).expect("a partition");
    let taken = status("VmHWM") - before;
    let share = EvenSplit { n: *n, ranks: 1 };
    assert!(matches!(owners, partition::Owners::Listed(split, list) if split == share && list.len() as u64 == *n));
    let ratio = taken as f64 / stated as f64;
    println!("{case}, {parts} parts: {:.1} of {:.1} MB, {ratio:.2}", taken as f64 / 1e6, stated as f64 / 1e6);
    assert!(ratio <= 1.0, "{case}, {parts} parts: {taken} bytes, {stated} were stated");
    // A graph alone is a tenth of it: less would mean that something else was measured.
    assert!(ratio > 0.1, "{case}, {parts} parts: only {taken} bytes of {stated}");
}

/// The only test of this program, lest another one take memory meanwhile; and every case in a process of its own.
#[test]
fn metis_keeps_within_the_memory_that_was_stated() {
    if let Ok(case) = std::env::var(CASE_VARIABLE) {
        let (name, parts) = CASES[case.parse::<usize>().expect("a number")];
        return measure(name, parts);
    }
    if !cfg!(target_os = "linux") {
        return common::not_tested("the memory of METIS: only Linux tells a process its greatest size");
    }
    for case in 0..CASES.len() {
        let mut command = common::limited();
        command.arg(std::env::current_exe().expect("this program")).arg("--nocapture");
        let finished = common::finish({
            command.env(CASE_VARIABLE, case.to_string());
            command
        });
        print!("{}", finished.stdout);
        assert_eq!(finished.code, Some(0), "{}{}", finished.stdout, finished.stderr);
    }
}
