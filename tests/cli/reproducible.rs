//! `--reproducible`: files that are equal byte by byte.

use crate::common::{HAS_MPI, Launch, matrices};
use crate::support::*;

/// Launches, and options that must not change a byte.
fn variants(random_owners: &dyn Fn(usize) -> String) -> Vec<(Launch, Vec<String>)> {
    let words = |text: &str| text.split_whitespace().map(str::to_string).collect::<Vec<_>>();
    let mut variants = vec![
        (Launch::Alone, words("--format csr --ordering rcm --schedule overlap")),
        (Launch::Threads(2), words("--partition metis --format sell")),
        (Launch::Threads(3), vec!["--partition".into(), random_owners(3)]),
        (Launch::Threads(4), words("--partition blocks --ordering rcm")),
        (Launch::Threads(7), words("--partition metis --ordering natural --format runs")),
        (Launch::Threads(16), vec!["--partition".into(), random_owners(16)]),
    ];
    if HAS_MPI {
        variants.extend([
            (Launch::Mpirun(1), words("--partition blocks")),
            (Launch::Mpirun(2), words("--partition blocks --format csr")),
            (Launch::Mpirun(3), words("--partition metis --ordering rcm --format sell")),
            (Launch::Mpirun(4), vec!["--partition".into(), random_owners(4)]),
            (Launch::Mpirun(7), words("--partition metis")),
        ]);
    }
    variants
}

/// Every kind of partition on every number of ranks and engine, up to many more ranks than processors.
fn partitions(random_owners: &dyn Fn(usize) -> String) -> Vec<(Launch, Vec<String>)> {
    let mut variants = Vec::new();
    for ranks in [1, 2, 3, 4, 7, 16] {
        let random = random_owners(ranks);
        for how in [Launch::Threads(ranks)].into_iter().chain(HAS_MPI.then_some(Launch::Mpirun(ranks))) {
            let with = |partition: &str| (how, vec!["--partition".to_string(), partition.to_string()]);
            variants.extend(["metis", "blocks", &random].map(with));
        }
    }
    variants
}

/// Whatever runs, it writes the same history and the same x.
fn check(matrix: &str, pairings: &[(&str, &str)], limit: &str) {
    check_variants(matrix, pairings, limit, variants);
}

fn check_variants(
    matrix: &str,
    pairings: &[(&str, &str)],
    limit: &str,
    variants: impl Fn(&dyn Fn(usize) -> String) -> Vec<(Launch, Vec<String>)>,
) {
    let n = rows(matrix);
    let folder = Folder::new(&unique("reproducible"));
    let random_owners = |ranks: usize| {
        let owner = |row: usize| (row.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) % ranks;
        let text: String = (0..n).map(|row| format!("{}\n", owner(row))).collect();
        format!("file:{}", folder.write(&format!("owners {ranks}"), text))
    };
    let variants = variants(&random_owners);
    for (k, (solver, pc)) in pairings.iter().enumerate() {
        let files = |name: &str| [folder.path(&format!("{name}.csv")), folder.path(&format!("{name}.mtx"))];
        let run = |how, [history, x]: &[String; 2], options: &[String]| {
            let args = ["solve", matrix, "--reproducible", "--solver", solver, "--pc", pc, "--max-it", limit];
            let mut args = args.to_vec();
            args.extend(["--rhs", "random", "--history", history, "--output", x]);
            args.extend(options.iter().map(String::as_str));
            let finished = run(how, &args);
            // Converged, or at the limit, of which Open MPI makes a notice of its own.
            assert!(matches!(finished.code, Some(0 | 4)), "{how:?} {args:?} {finished:?}");
            assert!(finished.stdout.contains(", reproducible"), "{}", finished.stdout);
        };
        let expected = files("expected");
        run(Launch::Alone, &expected, &[]);
        assert!(read(&expected[0]).lines().count() > 10);
        for (how, options) in variants.iter().skip(k % 2).step_by(if k > 1 { 2 } else { 1 }) {
            let files = files("here");
            run(*how, &files, options);
            for (expected, here) in expected.iter().zip(&files) {
                assert!(read(expected) == read(here), "{matrix} {solver} {pc} {how:?} {options:?}: {here} differs");
            }
        }
    }
}

#[test]
fn meshes() {
    check(&mesh("plate_hole.mtx"), &[("pipe-pr-cg", "none"), ("hs-cg", "chebyshev")], "10000");
    check(&mesh("anisotropic.mtx"), &[("pipe-pr-cg", "jacobi")], "200");
    check(&mesh("circuit.mtx"), &[("gv-cg-rr", "jacobi"), ("cg-cg", "none")], "300");
}

fn rows(matrix: &str) -> usize {
    let text = read(matrix);
    let size = text.lines().find(|line| !line.starts_with('%')).expect("a size line");
    size.split_whitespace().next().and_then(|rows| rows.parse().ok()).expect("a number of rows")
}

#[test]
fn every_partition_on_every_number_of_ranks() {
    check_variants(&mesh("plate_hole.mtx"), &[("pipe-pr-cg", "jacobi")], "40", partitions);
}

#[test]
fn stiffness_matrices() {
    let Some(matrices) = matrices() else { return };
    for (name, pairings) in [
        ("bcsstk15.mtx", &[("pipe-pr-cg", "jacobi"), ("pipe-pr-m-cg", "chebyshev")][..]),
        ("1138_bus.mtx", &[("pr-cg", "none"), ("pipe-p-cg", "jacobi"), ("gv-cg", "none")]),
        ("bcsstm24.mtx", &[("m-cg", "none")]),
    ] {
        let matrix = matrices.join(name).to_str().expect("UTF-8").to_string();
        check(&matrix, pairings, "250");
    }
}

#[test]
fn a_grid_assembled_or_not() {
    let folder = Folder::new("reproducible grid");
    let mut expected: Option<[String; 2]> = None;
    let mut launches = vec![Launch::Alone, Launch::Threads(4), Launch::Threads(7)];
    if HAS_MPI {
        launches.push(Launch::Mpirun(4));
    }
    for how in launches {
        for options in [&["--matrix-free"][..], &[], &["--partition", "metis", "--schedule", "one-sweep"]] {
            let (history, x) = (folder.path("history.csv"), folder.path("x.mtx"));
            let args = ["poisson", "--dim", "3", "--n", "14,11,17", "--reproducible", "--history", &history, "-o", &x];
            let finished = run(how, &[&args, options].concat());
            assert_eq!(finished.code, Some(0), "{finished:?}");
            let files = [read(&history), read(&x)];
            assert!(files[0].lines().skip(1).all(|line| line.ends_with(',')), "the seconds are left empty");
            assert!(*expected.get_or_insert_with(|| files.clone()) == files, "{how:?} {options:?}");
        }
    }
}

#[test]
fn what_depends_on_the_ranks_is_refused() {
    let plate = mesh("plate_hole.mtx");
    for (args, message) in [
        (&["solve", &plate, "--pc", "bjacobi"][..], "--pc bjacobi depends on which rank owns which row"),
        (&["solve", &plate, "--pc", "ssor"], "--pc ssor depends on which rank owns which row"),
        (&["model", "-n", "50"], "--reproducible does not apply"),
        (&["solve", &plate, "--solver", "auto"], "--solver auto takes depends on measured times"),
    ] {
        let finished = run(Launch::Alone, &[args, &["--reproducible"]].concat());
        assert_eq!(finished.code, Some(2), "{finished:?}");
        assert!(finished.stderr.contains(message) && finished.stderr.lines().count() == 1, "{}", finished.stderr);
    }
}
