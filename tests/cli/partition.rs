//! `halocg partition`, and solves on what it wrote.

use crate::common::{Launch, finish, halocg};
use crate::support::*;
use serde_json::Value;

/// Runs `halocg partition` with `--json`; returns what the file says.
fn partition_json(how: Launch, args: &[&str]) -> Value {
    let folder = Folder::new(&unique("partition json"));
    let path = folder.path("partition.json");
    let finished = run(how, &[&["partition"], args, &["--json", &path]].concat());
    assert_eq!(finished.code, Some(0), "{how:?} {args:?}: {finished:?}");
    json(&path)
}

fn owners(path: &str) -> Vec<usize> {
    read(path).lines().map(|line| line.parse().expect("a part")).collect()
}

#[test]
fn what_a_partition_promises_is_what_the_solve_has() {
    let (plate, folder) = (mesh("plate_hole.mtx"), Folder::new("partition promises"));
    for (run_number, how) in [Launch::Alone].into_iter().chain(both(3)).enumerate() {
        for choice in ["metis", "blocks"] {
            let file = folder.path(&format!("{choice}{run_number}.part"));
            let promised = partition_json(how, &[&plate, "-k", "4", "--partition", choice, "--output", &file]);
            assert_eq!((promised["schema"].as_str(), number(&promised, "/parts")), (Some("halocg-partition/1"), 4.0));
            assert_eq!(owners(&file).len(), 6240);
            let partition = format!("file:{file}");
            let solved =
                run_json(Launch::Threads(4), &["solve", &plate, "--pc", "jacobi", "--partition", &partition], 0);
            let facts = |value: &Value| {
                let mut facts = value["partition"].clone();
                for different in ["method", "metis_bytes"] {
                    facts.as_object_mut().expect("facts").remove(different);
                }
                facts
            };
            assert_eq!(facts(&promised), facts(&solved), "{how:?} {choice}");
            assert!(number(&promised, "/partition/edge_cut") > 0.0);
            assert_eq!(promised["partition"]["metis_bytes"].is_null(), choice == "blocks");
        }
    }
    // Blocks do not depend on who cuts them.
    let blocks: Vec<String> = (0..2).map(|k| read(&folder.path(&format!("blocks{k}.part")))).collect();
    assert_eq!(blocks[0], blocks[1]);
}

#[test]
fn grids_are_partitioned_by_formula_and_by_coordinates() {
    let folder = Folder::new("partition grids");
    let grid = ["poisson", "--dim", "3", "-n", "9,8,7"];
    let mut files = Vec::new();
    for (run_number, how) in [Launch::Alone].into_iter().chain(both(4)).enumerate() {
        for choice in ["boxes", "rcb"] {
            let file = folder.path(&format!("{choice}{run_number}.part"));
            let args = [&grid[..], &["-k", "5", "--partition", choice, "-o", &file]].concat();
            let promised = partition_json(how, &args);
            assert!(number(&promised, "/partition/row_imbalance") < 1.2, "{choice}: {promised:#}");
            files.push((choice, read(&file)));
        }
        let args = [&grid[..], &["--partition", "rcb"]].concat();
        run_json(how, &args, 0);
    }
    for (choice, text) in &files {
        let first = files.iter().find(|(other, _)| other == choice).expect("itself at least");
        assert_eq!(*text, first.1, "{choice}: the same parts from any number of ranks");
    }
}

#[test]
fn parts_without_rows_and_graphs_without_edges() {
    let folder = Folder::new("partition corners");
    let hub = Sparse::laplacian(40, (1..40).map(|i| (0, i)));
    let apart = Sparse::laplacian(20, (0..9).flat_map(|i| [(i, i + 1), (10 + i, 11 + i)]));
    let diagonal = Sparse::laplacian(6, []);
    for (name, matrix) in [("hub", hub), ("apart", apart), ("diagonal", diagonal)] {
        let file = folder.write(&format!("{name}.mtx"), matrix.text());
        for how in [Launch::Alone, Launch::Threads(3)] {
            for choice in ["metis", "blocks"] {
                for parts in ["1", "3", "50"] {
                    let out = folder.path("out.part");
                    let run = partition_json(how, &[&file, "-k", parts, "--partition", choice, "-o", &out]);
                    let owners = owners(&out);
                    assert_eq!(owners.len(), matrix.n);
                    assert!(owners.iter().all(|&owner| owner < parts.parse().expect("a number")));
                    let used = (0..50).filter(|part| owners.contains(part)).count() as f64;
                    assert_eq!(number(&run, "/parts") - number(&run, "/partition/empty_ranks"), used, "{name}");
                }
            }
        }
    }
}

#[test]
fn too_little_memory_is_said_before_it_is_missing() {
    let plate = mesh("plate_hole.mtx");
    for how in both(2) {
        for (available, code) in [("100000", 1), ("1000000000", 0)] {
            let mut command = how.command(halocg());
            command.args(["partition", &plate, "-k", "3"]).env("HALOCG_AVAILABLE_BYTES", available);
            let finished = finish(command);
            assert_eq!(finished.code, Some(code), "{how:?}: {finished:?}");
            if code == 1 {
                let error = finished.stderr.lines().find(|line| line.starts_with("halocg: error:")).expect("a message");
                let says = ["6240 rows and 42942 nonzeros", "0.1 MB are available", "--partition blocks", "rcb"];
                assert!(says.iter().all(|what| error.contains(what)), "{error}");
            } else {
                assert!(finished.stdout.contains("was granted"), "{}", finished.stdout);
            }
        }
    }
}

#[test]
fn the_communication_matrix_is_drawn() {
    let (plate, folder) = (mesh("plate_hole.mtx"), Folder::new("communication matrix"));
    for how in both(3) {
        for (args, name) in
            [(&["partition", &plate, "-k", "64"][..], "a.svg"), (&["solve", &plate, "--pc", "jacobi"], "b.png")]
        {
            let picture = folder.path(name);
            let finished = run(how, &[args, &["--comm-matrix", &picture]].concat());
            assert_eq!(finished.code, Some(0), "{finished:?}");
            let bytes = std::fs::read(&picture).expect("a picture");
            assert!(bytes.starts_with(if name.ends_with("png") { b"\x89PNG" } else { b"<svg" }), "{name}");
        }
    }
    let finished = run(Launch::Alone, &["partition", &plate, "-k", "4", "--comm-matrix", "a.pdf"]);
    assert!(finished.code == Some(2) && finished.stderr.contains(".svg or .png"), "{finished:?}");
}

#[test]
fn a_partition_that_makes_no_sense_is_refused() {
    let plate = mesh("plate_hole.mtx");
    for (args, code, says) in [
        (&[&plate[..]][..], 2, "--parts"),
        (&[&plate, "-k", "0"], 2, "0 is not in"),
        (&[&plate, "-k", "2", "--partition", "rcb"], 2, "--partition rcb needs a mesh or a structured grid"),
        (&[&plate, "-k", "2", "--partition", "boxes"], 2, "--partition boxes needs a structured grid"),
        (&["missing.mtx", "-k", "2"], 1, "missing.mtx: cannot read it"),
        (&[&plate, "-k", "2", "-o", "missing/a.part"], 1, "missing/a.part: cannot write it"),
        // 2 197 000 000 rows, of which none has been made yet.
        (&["poisson", "--dim", "3", "-n", "1300", "-k", "2", "--partition", "metis"], 3, "numbers with 32 bits"),
    ] {
        let finished = run(Launch::Threads(2), &[&["partition"], args].concat());
        assert_eq!(finished.code, Some(code), "{args:?}: {finished:?}");
        assert!(finished.stderr.contains(says), "{args:?}: {}", finished.stderr);
    }
}
