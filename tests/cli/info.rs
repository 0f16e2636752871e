//! A look at a matrix.

use crate::common::Launch;
use crate::support::*;
use serde_json::Value;

fn look(how: Launch, what: &[&str]) -> Value {
    run_json(how, &[&["info"], what].concat(), 0)
}

/// Two neighbours with −1 each and 2 on the diagonal: everything is known.
#[test]
fn figures_of_a_known_matrix_are_right_on_any_ranks() {
    const N: u64 = 400;
    let folder = Folder::new("info");
    let entries: String = (1..=N)
        .map(|i| format!("{i} {i} 2\n") + &if i > 1 { format!("{i} {} -1\n", i - 1) } else { String::new() })
        .collect();
    let header = format!("%%MatrixMarket matrix coordinate real symmetric\n{N} {N} {}\n", 2 * N - 1);
    let file = folder.write("line.mtx", header + &entries);
    for how in [vec![Launch::Alone], both(2), both(3), both(7)].concat() {
        // As many iterations as there are rows see the whole spectrum.
        let info = look(how, &[&file, "--iterations", "400"]);
        assert_eq!(info["schema"], "halocg-info/1");
        let at = |at: &str| number(&info, at);
        assert_eq!((at("/rows"), at("/nonzeros")), (N as f64, (3 * N - 2) as f64));
        assert_eq!((at("/row_entries/0"), at("/row_entries/2"), at("/bandwidth")), (2.0, 3.0, 1.0));
        assert_eq!((at("/diagonal/0"), at("/diagonal/1")), (2.0, 2.0));
        assert_eq!((at("/dominant_rows"), at("/positive_off_diagonal")), (N as f64, 0.0));
        assert_eq!((at("/magnitudes/0"), at("/magnitudes/1")), (1.0, 2.0));
        assert_eq!((at("/gershgorin/0"), at("/gershgorin/1")), (0.0, 4.0));
        assert!(info["asymmetry"].is_null());
        let theta = std::f64::consts::PI / (2.0 * (N + 1) as f64);
        let condition = (theta.cos() / theta.sin()).powi(2);
        for m in [0, 1] {
            let found = at(&format!("/estimates/{m}/condition"));
            assert!((found / condition - 1.0).abs() < 1e-3, "{found} {condition}");
        }
        assert!((at("/estimates/1/lambda_max") - 0.5 * at("/estimates/0/lambda_max")).abs() < 1e-6);
        assert_eq!((at("/diagonal_signs/0"), at("/diagonal_signs/1"), at("/diagonal_signs/2")), (0.0, 0.0, N as f64));
        assert!(info["indefinite"].is_null());
        // What docs/formats.md and docs/partition.md state.
        assert_eq!(at("/needs/0/reading_bytes"), (32 * (3 * N - 2) + 40 * N) as f64);
        // 16 and 16 of that stay, beside eight vectors and the matrix.
        let kept = 16 * (3 * N - 2) + 16 * N + 64 * N;
        assert_eq!(at("/needs/0/solving_bytes"), kept as f64 + (at("/bytes_per_row") * N as f64).floor());
        assert_eq!((at("/needs/1/ranks"), at("/needs/0/metis_bytes")), (4.0, 0.0));
        assert_eq!(at("/needs/1/reading_bytes"), (8 * (3 * N - 2) + 10 * N) as f64);
        assert_eq!(at("/needs/1/metis_bytes"), (72 * N + 80 * (2 * N - 2) + 4 * 128) as f64);
    }
}

#[test]
fn what_cannot_be_solved_is_said_and_why() {
    let folder = Folder::new("info of others");
    let general = "%%MatrixMarket matrix coordinate real general\n";
    let asymmetric = folder.write("asymmetric.mtx", format!("{general}2 2 4\n1 1 2\n1 2 1\n2 1 0.5\n2 2 2\n"));
    let indefinite = folder.write("indefinite.mtx", format!("{general}2 2 4\n1 1 1\n1 2 3\n2 1 3\n2 2 1\n"));
    for how in [vec![Launch::Alone], both(2)].concat() {
        assert!(
            look(how, &[&asymmetric])["asymmetry"].as_str().expect("words").contains("A(1,2) = 1 but A(2,1) is 0.5")
        );
        let finished = run(how, &["info", &asymmetric]);
        assert!(finished.code == Some(0) && finished.stdout.contains("symmetric systems only"), "{finished:?}");
        assert!(finished.stdout.contains("memory"), "{finished:?}");
        let finished = run(how, &["info", &indefinite]);
        assert!(finished.code == Some(0) && finished.stdout.contains("not positive definite"), "{finished:?}");
        let finished = run(how, &["info", &folder.path("none.mtx")]);
        assert_eq!(finished.code, Some(1), "{finished:?}");
    }
}

/// In text and in binary; another command refuses them.
#[test]
fn a_diagonal_that_rules_out_definiteness_is_described() {
    let folder = Folder::new("info of diagonals");
    let petsc: Vec<u8> = [1_211_216_i32, 3, 3, 3, 1, 1, 1, 0, 1, 2].map(i32::to_be_bytes).concat();
    let petsc = [petsc, [2.0_f64, -3.0, 0.0].map(f64::to_be_bytes).concat()].concat();
    let text = |entries: &str| {
        let lines = entries.split(", ").collect::<Vec<_>>();
        let size = format!("3 3 {}\n", lines.len());
        ("%%MatrixMarket matrix coordinate real symmetric\n".to_string() + &size + &lines.join("\n") + "\n")
            .into_bytes()
    };
    for how in [vec![Launch::Alone], both(2)].concat() {
        for (name, content, signs, why) in [
            ("negative", text("1 1 -1, 2 2 2, 3 2 -1, 3 3 2"), [1, 0, 2], "A(1,1) = -1"),
            ("zero", text("1 1 2, 2 1 1, 2 2 0, 3 3 2"), [0, 1, 2], "A(2,2) = 0"),
            ("missing", text("1 1 2, 2 2 2, 3 1 1"), [0, 1, 2], "A(3,3) = 0"),
            ("all negative", text("1 1 -1, 2 2 -2, 3 3 -2"), [3, 0, 0], "A(1,1) = -1"),
            ("of PETSc", petsc.clone(), [1, 1, 1], "A(2,2) = -3"),
        ] {
            let file = folder.write(name, content);
            let info = look(how, &[&file]);
            let found: Vec<f64> = (0..3).map(|k| number(&info, &format!("/diagonal_signs/{k}"))).collect();
            assert_eq!(found, signs.map(f64::from), "{info:#}");
            assert!(info["indefinite"].as_str().expect("words").contains(why), "{info:#}");
            assert!(info["estimates"].as_array().expect("a list").is_empty(), "{info:#}");
            let said = run(how, &["info", &file]);
            for words in ["size", "definite     no: ", why, "zero or missing", "memory", "not positive definite"] {
                assert!(said.code == Some(0) && said.stdout.contains(words), "{words}: {said:?}");
            }
            assert_eq!(run(how, &["solve", &file]).code, Some(7), "{name}");
        }
    }
}

/// A picture is a PNG and is called so; one that cannot be written costs nothing else.
#[cfg(target_os = "linux")]
#[test]
fn a_picture_that_cannot_be_written_keeps_nothing_back() {
    let folder = Folder::new("spy nowhere");
    let (nowhere, file) = (folder.path("spy.png"), folder.path("info.json"));
    std::os::unix::fs::symlink("/dev/full", &nowhere).expect("a link");
    for how in [vec![Launch::Alone], both(2)].concat() {
        let finished = run(how, &["info", "poisson", "-n", "9", "--spy", &nowhere, "--json", &file]);
        assert!(finished.code == Some(1) && finished.stderr.contains("spy.png: cannot write it: "), "{finished:?}");
        assert!(finished.stdout.contains("advice"), "{finished:?}");
        assert_eq!(number(&json(&file), "/rows"), 81.0);
        std::fs::remove_file(&file).expect("it was written");
    }
    let finished = run(Launch::Alone, &["info", "poisson", "-n", "9", "--spy", &folder.path("a.svg")]);
    assert!(finished.code == Some(2) && finished.stderr.contains("must end in .png"), "{finished:?}");
}

#[test]
fn the_picture_is_the_same_on_any_ranks() {
    let folder = Folder::new("spy");
    let mut pictures = [vec![Launch::Alone], both(3)].concat().into_iter().map(|how| {
        let file = folder.path(&format!("{}.png", unique("spy")));
        assert_eq!(run(how, &["info", "poisson", "-n", "60", "--iterations", "0", "--spy", &file]).code, Some(0));
        std::fs::read(file).expect("the picture")
    });
    let first = pictures.next().expect("one picture");
    assert!(first.starts_with(b"\x89PNG") && pictures.all(|picture| picture == first));
}

#[test]
fn memory_is_told_for_the_ranks_that_there_are() {
    let folder = Folder::new("info ranks");
    let path = folder.path("info.json");
    for how in both(2) {
        let options = ["--iterations", "0", "--ranks", "12", "--json", &path];
        let finished = run(how, &[&["info", &mesh("plate_hole.mtx")], &options[..]].concat());
        assert_eq!(finished.code, Some(0), "{finished:?}");
        assert_eq!(finished.stdout.lines().filter(|line| line.contains("12 ranks ")).count(), 1, "{}", finished.stdout);
        let needs = json(&path)["needs"].as_array().expect("needs").clone();
        let ranks: Vec<f64> = needs.iter().map(|need| number(need, "/ranks")).collect();
        assert_eq!(ranks, [1.0, 4.0, 12.0, 16.0]);
        let bytes: Vec<f64> = needs.iter().map(|need| number(need, "/solving_bytes")).collect();
        assert!(bytes.is_sorted_by(|a, b| a > b), "{bytes:?}");
    }
}

/// The Laplacian of a path without boundary: every row sums to 0.
#[test]
fn a_matrix_whose_rows_sum_to_zero_is_singular() {
    let folder = Folder::new("singular");
    let n = 200;
    let entries: String = (1..=n)
        .map(|i| {
            let own = if i == 1 || i == n { 1.1 } else { 2.2 };
            format!("{i} {i} {own}\n") + &if i > 1 { format!("{i} {} -1.1\n", i - 1) } else { String::new() }
        })
        .collect();
    let header = format!("%%MatrixMarket matrix coordinate real symmetric\n{n} {n} {}\n", 2 * n - 1);
    let file = folder.write("path.mtx", header.clone() + &entries);
    let csv = folder.path("rows.csv");
    let regular = folder.write("regular.mtx", header + &entries.replacen("1.1", "1.2", 1));
    for how in both(3) {
        for args in [&["solve", &file][..], &["solve", &file, "--rhs", "A1"], &["compare", &file]] {
            let finished = run(how, args);
            assert_eq!((finished.code, &*finished.stdout), (Some(7), ""), "{args:?} {finished:?}");
            assert!(finished.stderr.contains("path.mtx: the sum of every row is 0 but for rounding"), "{finished:?}");
        }
        let finished = run(how, &["info", &file]);
        assert!(
            finished.code == Some(0) && finished.stdout.contains("definite     no: the sum of every row"),
            "{finished:?}"
        );
        assert!(!finished.stdout.contains("condition"), "{}", finished.stdout);
        // A right-hand side within its range is another matter.
        let b: Vec<f64> = (0..n)
            .map(|i| {
                if i == 0 {
                    1.0
                } else if i == n - 1 {
                    -1.0
                } else {
                    0.0
                }
            })
            .collect();
        let b = folder.write("b.mtx", vector_text(&b));
        assert_eq!(run(how, &["solve", &file, "--rhs", &b]).code, Some(0));
        // What was compared before is written all the same.
        let finished = run(how, &["compare", &regular, &file, "--solvers", "cg,hs-cg,pipe-pr-cg", "--csv", &csv]);
        assert!(finished.code == Some(7) && read(&csv).lines().count() == 3, "{finished:?}");
    }
}
