//! Files from one format to another, and solves from and to each of them.

use crate::common::Launch;
use crate::support::*;

const FORMATS: [&str; 4] = ["mtx", "hcg", "petsc", "petsc64"];

fn convert(how: Launch, from: &str, to: &str, options: &[&str]) {
    let finished = run(how, &[&["convert", from, to], options].concat());
    assert_eq!((finished.code, finished.stdout.as_str()), (Some(0), ""), "{how:?}: {finished:?}");
    assert!(finished.stderr.starts_with(&format!("{to}: ")), "{}", finished.stderr);
    assert_eq!(finished.stderr.lines().count(), 1, "{}", finished.stderr);
}

fn bytes(path: &str) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn every_format_leads_to_every_other_on_any_ranks() {
    let folder = Folder::new("convert");
    let matrix = Sparse::network(50);
    let files = [folder.write("a.mtx", matrix.text()), folder.write("b.mtx", vector_text(&ramp(50)))];
    for how in [&[Launch::Alone][..], &both(3), &both(7)[..1]].concat() {
        for file in &files {
            // Once around, and back to the same text; and each format straight from the text.
            let mut from = file.clone();
            for format in FORMATS.iter().skip(1).chain(["mtx"].iter()) {
                let (around, straight) = (folder.path(&format!("around.{format}")), folder.path("straight"));
                convert(how, &from, &around, &[]);
                convert(how, file, &straight, &["--format", format]);
                assert_eq!(bytes(&around), bytes(&straight), "{how:?} {format}");
                from = around;
            }
            assert_eq!(read(&from), read(file), "{how:?}");
        }
    }
    assert!(folder.names().iter().all(|name| !name.ends_with(".part")), "{:?}", folder.names());
}

#[test]
fn a_solve_is_the_same_from_every_format_and_its_solution_can_be_read_again() {
    let folder = Folder::new("solve formats");
    let a = folder.write("a.mtx", Sparse::network(40).text());
    let b = folder.write("b.mtx", vector_text(&ramp(40)));
    for how in both(3) {
        let mut solutions = Vec::new();
        for format in FORMATS {
            let [a1, b1, x, x_text] = ["a1", "b1", "x", "x.text"].map(|name| folder.path(&format!("{name}.{format}")));
            convert(how, &a, &a1, &[]);
            convert(how, &b, &b1, &[]);
            let finished = run(how, &["solve", &a1, "--rhs", &b1, "--output", &x]);
            assert_eq!((finished.code, finished.stderr.as_str()), (Some(0), ""), "{format}: {finished:?}");
            convert(how, &x, &x_text, &["--format", "mtx"]);
            solutions.push(read(&x_text));
            // The solution is a perfect guess.
            let again = run_json(how, &["solve", &a1, "--rhs", &b1, "--x0", &x], 0);
            assert_eq!(number(&again, "/outcome/iterations"), 0.0, "{format}");
        }
        assert!(solutions.iter().all(|solution| solution == &solutions[0]), "{how:?}");
        // No ending, and an option for one that says nothing.
        let (plain, chosen) = (folder.path("x"), folder.path("x.dat"));
        run(how, &["solve", &a, "--rhs", &b, "--output", &plain]);
        run(how, &["solve", &a, "--rhs", &b, "--output", &chosen, "--output-format", "hcg"]);
        assert_eq!(read(&plain), solutions[0]);
        assert_eq!(bytes(&chosen), bytes(&folder.path("x.hcg")));
    }
}

#[test]
fn a_generated_matrix_is_written_in_the_format_of_its_ending() {
    let folder = Folder::new("poisson formats");
    for how in both(2) {
        let [text, binary, converted] = ["a.mtx", "a.hcg", "converted.hcg"].map(|name| folder.path(name));
        for path in [&text, &binary] {
            run(how, &["poisson", "-n", "9,7", "--write", path]);
        }
        convert(how, &text, &converted, &[]);
        assert_eq!(bytes(&binary), bytes(&converted), "{how:?}");
        let finished = run(how, &["compare", &binary, "--solvers", "hs-cg"]);
        assert_eq!(finished.code, Some(0), "{finished:?}");
    }
}

#[test]
fn two_triangles_that_differ_in_the_last_digit_are_both_kept() {
    let folder = Folder::new("last digit");
    let text =
        "%%MatrixMarket matrix coordinate real general\n2 2 4\n1 1 2.0\n1 2 -1.0\n2 1 -0.9999999999999999\n2 2 2.0\n";
    let a = folder.write("a.mtx", text);
    let [binary, back] = ["a.hcg", "back.mtx"].map(|name| folder.path(name));
    convert(Launch::Threads(2), &a, &binary, &[]);
    convert(Launch::Threads(2), &binary, &back, &[]);
    assert_eq!(read(&back), text);
}

#[test]
fn what_cannot_be_converted_is_refused_with_one_message() {
    let folder = Folder::new("refused");
    let a = folder.write("a.mtx", Sparse::network(5).text());
    let v = folder.write("v.mtx", vector_text(&ramp(5)));
    let [hcg, vector, petsc] = ["a.hcg", "v.hcg", "a.petsc"].map(|name| folder.path(name));
    convert(Launch::Alone, &a, &hcg, &[]);
    convert(Launch::Alone, &v, &vector, &[]);
    convert(Launch::Alone, &a, &petsc, &[]);
    let mut damaged = bytes(&hcg);
    *damaged.last_mut().unwrap() ^= 1;
    let damaged = folder.write("damaged.hcg", damaged);
    let mut foreign = bytes(&hcg);
    foreign[8] = 9;
    let foreign = folder.write("foreign.hcg", foreign);
    let short = folder.write("short.petsc", &bytes(&petsc)[..100]);
    let [out, missing, nowhere] = ["out.hcg", "missing.hcg", "nowhere/out.hcg"].map(|name| folder.path(name));
    folder.write("out.hcg", "old");
    let packed = folder.write("a.hcg.gz", gzip(bytes(&hcg)));
    let empty = "%%MatrixMarket matrix coordinate real general\n4000000000 1 1\n7 1 1.5\n";
    let empty = folder.write("empty.mtx", empty);
    let both_objects = format!("{}/tests/data/both.petsc", env!("CARGO_MANIFEST_DIR"));
    for (args, code, says) in [
        (&["convert", &a, "out.dat"][..], 2, "out.dat: the ending names no format: use one of .mtx, .hcg"),
        (&["convert", &missing, &out], 1, "missing.hcg: cannot read it"),
        (&["convert", &a, &nowhere], 1, "out.hcg: cannot write it"),
        (&["convert", &damaged, &out], 3, "damaged.hcg: the section `columns` is damaged"),
        (&["convert", &foreign, &out], 3, "foreign.hcg: the header names version 9 of the format"),
        (&["convert", &short, &out], 3, "short.petsc: the matrix of 5 rows"),
        (&["convert", &both_objects, &out], 3, "both.petsc: the file holds 2 matrices and vectors"),
        (&["solve", &packed], 3, "a.hcg.gz:1: a binary file or a mesh, compressed or from a pipe"),
        (
            &["solve", &hcg, "--rhs", &mesh("plate.msh")],
            3,
            "plate.msh: the file holds a mesh, where a vector is needed",
        ),
        (
            &["convert", &empty, &out],
            3,
            "empty.mtx:2: a sparse vector of 4000000000 values has more than 134217728 zeros",
        ),
        (&["solve", &damaged], 3, "damaged.hcg: the section `columns` is damaged"),
        (&["solve", &vector], 3, "v.hcg: the file holds a vector of 5 values, where a matrix is needed"),
        (&["solve", &hcg, "--rhs", &petsc], 3, "a.petsc: the file holds a matrix of 5 rows, where a vector is"),
        (&["solve", &hcg, "--x0", &both_objects], 3, "both.petsc: expected a vector of 5 values, found 11"),
        (&["compare", &damaged], 3, "damaged.hcg: the section `columns` is damaged"),
    ] {
        for how in both(3) {
            let finished = run(how, args);
            assert_eq!((finished.code, finished.stdout.as_str()), (Some(code), ""), "{args:?}: {finished:?}");
            // Launchers add words of their own about exit codes.
            let errors: Vec<&str> = finished.stderr.lines().filter(|line| line.starts_with("halocg")).collect();
            assert!(errors.len() == 1 && errors[0].contains(says), "{args:?}: {}", finished.stderr);
        }
    }
    assert_eq!(read(&out), "old", "a file outlives what could not replace it");
}
