//! What comes of a solve: the exit code of every outcome, and solutions in the original row order
//! whatever the ranks, the partition and the form of the file.

use crate::common::{Launch, RANKS};
use crate::support::*;
use halocg::krylov;
use serde_json::Value;

/// The exit code, PETSc's name of the reason, and the number of iterations.
fn outcome(run: &Value) -> (i64, &str, f64) {
    let outcome = &run["outcome"];
    let code = outcome["exit_code"].as_i64().expect("a code");
    (code, outcome["petsc_reason"].as_str().expect("a name"), number(run, "/outcome/iterations"))
}

/// `--partition` for every way to partition; the file deals rows like cards, from the last rank on.
fn partitions(folder: &Folder, n: usize, ranks: usize) -> Vec<String> {
    let owners: String = (0..n).map(|row| format!("{}\n", ranks - 1 - (row * 5 + row / 3) % ranks)).collect();
    let file = folder.write(&format!("owners.{n}.{ranks}"), owners);
    vec!["metis".into(), "blocks".into(), format!("file:{file}")]
}

/// Solves a system whose solution is `ramp`, and compares what `--output` wrote.
fn solves(folder: &Folder, name: &str, a: &Sparse, how: Launch, args: &[&str]) {
    let x = ramp(a.n);
    let matrix = folder.write(&format!("{name}.mtx"), a.text());
    let rhs = folder.write(&format!("{name}.b.mtx"), vector_text(&a.times(&x)));
    let output = folder.path(&unique("x"));
    let fixed = ["solve", &matrix, "--rhs", &rhs, "--rtol", "1e-12", "--output", &output];
    let finished = run(how, &[&fixed, args].concat());
    assert_eq!((finished.code, finished.stderr.as_str()), (Some(0), ""), "{name} {how:?} {args:?}: {finished:?}");
    let far = distance(&read_vector(&output), &x);
    assert!(far < 1e-9, "{name} {how:?} {args:?}: x is {far:e} away");
}

#[test]
fn x_is_in_the_original_order() {
    let folder = Folder::new("order");
    let a = Sparse::network(60);
    for ranks in RANKS {
        for how in both(ranks) {
            for partition in partitions(&folder, a.n, ranks) {
                solves(&folder, "network", &a, how, &["--partition", &partition]);
            }
        }
    }
}

/// Few rows, no couplings, many parts, one row coupled to all.
fn odd_shapes() -> Vec<(&'static str, Sparse)> {
    let cliques = (0..12).flat_map(|i| (0..i).filter(move |j| j / 4 == i / 4).map(move |j| (i, j)));
    vec![
        ("one", Sparse::laplacian(1, [])),
        ("two", Sparse::laplacian(2, [(0, 1)])),
        ("diagonal of three", Sparse::laplacian(3, [])),
        ("diagonal of thirty", Sparse::laplacian(30, [])),
        ("path of four", Sparse::laplacian(4, (1..4).map(|i| (i - 1, i)))),
        ("path and loose rows", Sparse::laplacian(20, (1..10).map(|i| (i - 1, i)))),
        ("three cliques", Sparse::laplacian(12, cliques)),
        ("star", Sparse::laplacian(30, (0..30).map(|i| (i, 11)))),
        ("full", Sparse::laplacian(9, (0..9).flat_map(|i| (0..i).map(move |j| (i, j))))),
    ]
}

#[test]
fn odd_shapes_are_solved_by_threads() {
    let folder = Folder::new("shapes");
    for (name, a) in odd_shapes() {
        for ranks in [4, 7] {
            let last = folder.write("last", "3\n".repeat(a.n));
            for partition in partitions(&folder, a.n, ranks).iter().chain([&format!("file:{last}")]) {
                for method in [
                    "--solver=hs-cg --pc=none",
                    "--solver=pipe-pr-cg --pc=none",
                    "--solver=hs-cg --pc=jacobi",
                    "--pc=jacobi",
                ] {
                    let method: Vec<&str> = method.split(' ').collect();
                    let args = [&method[..], &["--partition", partition]].concat();
                    solves(&folder, name, &a, Launch::Threads(ranks), &args);
                }
            }
        }
    }
}

#[test]
#[cfg(feature = "mpi")]
fn odd_shapes_are_solved_under_mpirun() {
    let folder = Folder::new("shapes mpirun");
    for (name, a) in odd_shapes() {
        solves(&folder, name, &a, Launch::Mpirun(4), &["--pc", "jacobi"]);
    }
}

#[test]
fn every_form_of_a_file_gives_the_same_x() {
    let folder = Folder::new("forms");
    let a = Sparse::network(30);
    let plain = a.text();
    let entries: Vec<&str> = plain.lines().skip(2).collect();
    let flipped: String = entries
        .iter()
        .map(|line| {
            let words: Vec<&str> = line.split(' ').collect();
            format!("  {}\t{}  +{} \n", words[1], words[0], words[2]).replace("+-", "-")
        })
        .collect();
    let heading = plain.lines().next().expect("a heading");
    let size = plain.lines().nth(1).expect("a size line");
    let full: String = (0..a.n)
        .flat_map(|j| (0..a.n).map(move |i| (i.max(j), i.min(j))))
        .map(|at| format!("{:?}\n", a.lower.get(&at).unwrap_or(&0.0)))
        .collect();
    let wordy = format!("{}\n% words\n\n{size}\n%\n{}", heading.to_uppercase(), entries.join("\n\n% words\n"));
    let forms: Vec<(&str, Vec<u8>)> = vec![
        ("plain.mtx", plain.clone().into()),
        ("zipped.mtx.gz", gzip(&plain)),
        ("two members.mtx.gz", [gzip(&plain[..200]), gzip(&plain[200..])].concat()),
        ("zipped without saying so.mtx", gzip(&plain)),
        ("crlf.mtx", plain.replace('\n', "\r\n").into()),
        ("upper.mtx", format!("{heading}\n{size}\n{flipped}").into()),
        ("words.mtx", wordy.clone().into()),
        ("words crlf.mtx.gz", gzip(wordy.replace('\n', "\r\n"))),
        ("array.mtx", format!("%%MatrixMarket matrix array real general\n{0} {0}\n{full}", a.n).into()),
    ];
    let known = ramp(a.n);
    let rhs = folder.write("b.mtx", vector_text(&a.times(&known)));
    let rhs_zipped = folder.write("b.mtx.gz", gzip(read(&rhs).replace('\n', "\r\n")));
    let output = folder.path("x.mtx");
    let mut first: Option<String> = None;
    for (name, bytes) in forms {
        let path = folder.write(name, bytes);
        for rhs in [&rhs, &rhs_zipped] {
            let finished = run(Launch::Alone, &["solve", &path, "--rhs", rhs, "--output", &output]);
            assert_eq!(finished.code, Some(0), "{name}: {finished:?}");
            assert!(distance(&read_vector(&output), &known) < 1e-6, "{name}");
            let x = read(&output);
            assert_eq!(&x, first.get_or_insert_with(|| x.clone()), "{name}");
        }
    }
}

#[test]
fn a_right_hand_side_does_not_depend_on_the_ranks() {
    let folder = Folder::new("rhs");
    let matrix = folder.write("a.mtx", Sparse::network(50).text());
    let x = |ranks: usize, rhs: &str| {
        let output = folder.path(&unique("x"));
        let args = ["solve", &matrix, "--rhs", rhs, "--rtol", "1e-12", "--output", &output];
        assert_eq!(run(Launch::Threads(ranks), &args).code, Some(0));
        read_vector(&output)
    };
    for rhs in ["ones", "A1", "random", "random:7"] {
        assert!(distance(&x(1, rhs), &x(4, rhs)) < 1e-9, "{rhs}");
    }
    assert_eq!(x(1, "random"), x(1, "random:0"));
    assert!(distance(&x(1, "random:7"), &x(1, "random:8")) > 0.1);
    assert!(distance(&x(2, "A1"), &[50f64.sqrt().recip(); 50]) < 1e-9);
}

/// Block diagonal, of 2 × 2 blocks with `diagonal` and `beside` it.
fn blocks(n: usize, diagonal: f64, beside: f64) -> Sparse {
    let diagonals = (0..n).map(|i| ((i, i), diagonal));
    Sparse { n, lower: diagonals.chain((0..n / 2).map(|k| ((2 * k + 1, 2 * k), beside))).collect() }
}

#[test]
fn outcomes_have_their_exit_codes() {
    let folder = Folder::new("outcomes");
    let indefinite = folder.write("indefinite.mtx", blocks(40, 1.0, 2.0).text());
    let plus = folder.write("plus.mtx", blocks(40, 2.0, 1.0).text());
    let huge = folder.write("huge.mtx", blocks(40, 1e300, 1e299).text());
    let tiny = folder.write("tiny.mtx", blocks(40, 1e-100, 1e-101).text());
    let large = folder.write("large.mtx", vector_text(&[1e300; 40]));
    let waves: Vec<f64> = (0..40).map(|i| if i % 2 == 0 { 1.0 + i as f64 } else { -3.0 }).collect();
    let waves = folder.write("waves.mtx", vector_text(&waves));
    let zero = folder.write("zero.mtx", vector_text(&[0.0; 40]));
    let far = folder.write("far.mtx", vector_text(&[1e160; 40]));
    let near = folder.write("near.mtx", vector_text(&[1e-200; 40]));
    let plate = mesh("plate_hole.mtx");
    let cases: &[(&[&str], i64, &str)] = &[
        (&["poisson", "--n", "9"], 0, "CONVERGED_RTOL"),
        (&["poisson", "--n", "9", "--rtol", "1e-30", "--atol", "1e-6"], 0, "CONVERGED_ATOL"),
        (&["solve", &plate, "--max-it", "3"], 4, "DIVERGED_ITS"),
        (&["solve", &plate, "--max-it", "0"], 4, "DIVERGED_ITS"),
        (&["solve", &plate, "--divtol", "1e-3"], 5, "DIVERGED_DTOL"),
        (&["solve", &plate, "--solver", "hs-cg", "--rtol", "1e-17"], 5, "STAGNATED"),
        (&["solve", &huge], 0, "CONVERGED_RTOL"),
        (&["solve", &tiny, "--solver", "hs-cg"], 0, "CONVERGED_RTOL"),
        (&["solve", &tiny, "--rhs", &large], 6, "DIVERGED_NANORINF"),
        (&["solve", &tiny, "--rhs", &large, "--solver", "hs-cg"], 6, "DIVERGED_NANORINF"),
        (&["solve", &plus, "--rhs", &zero, "--x0", &far], 0, "CONVERGED_RTOL"),
        (&["solve", &plus, "--rhs", &zero, "--x0", &near, "--solver", "hs-cg"], 0, "CONVERGED_RTOL"),
        (&["solve", &plus, "--x0", &far], 5, "DIVERGED_DTOL"),
        (&["solve", &indefinite, "--rhs", &waves], 7, "DIVERGED_INDEFINITE_MAT"),
        (&["solve", &indefinite, "--rhs", &waves, "--solver", "hs-cg"], 7, "DIVERGED_INDEFINITE_MAT"),
        (&["solve", &indefinite, "--rhs", &waves, "--pc", "jacobi"], 7, "DIVERGED_INDEFINITE_MAT"),
    ];
    for &(args, code, reason) in cases {
        for how in both(4) {
            let run = run_json(how, args, code as i32);
            assert_eq!((outcome(&run).0, outcome(&run).1), (code, reason), "{how:?} {args:?}");
            assert_eq!(run["outcome"]["converged"], code == 0, "{how:?} {args:?}");
        }
    }
}

#[test]
fn x_is_written_when_the_limit_comes_first() {
    let folder = Folder::new("limit");
    for how in both(3) {
        let output = folder.path(&unique("x"));
        let args = ["solve", &mesh("circuit.mtx"), "--max-it", "5", "--output", &output];
        let run = run_json(how, &args, 4);
        let x = read_vector(&output);
        assert_eq!((x.len(), outcome(&run).2), (4897, 5.0));
        assert!(x.iter().all(|x| x.is_finite()) && x.iter().any(|&x| x != 0.0));
    }
}

#[test]
fn nothing_to_do_takes_no_iteration() {
    let folder = Folder::new("nothing");
    let a = Sparse::network(25);
    let x = ramp(a.n);
    let matrix = folder.write("a.mtx", a.text());
    let b = folder.write("b.mtx", vector_text(&a.times(&x)));
    let zero = folder.write("zero.mtx", vector_text(&vec![0.0; a.n]));
    let guess = folder.write("x.mtx", vector_text(&x));
    let output = folder.path("out.mtx");
    for how in both(4) {
        let methods = krylov::TABLE.iter().map(|kind| kind.name);
        // Every method on threads; two are enough where a launch takes a second.
        for solver in methods.filter(|name| how == Launch::Threads(4) || ["hs-cg", "pipe-pr-cg"].contains(name)) {
            let solve = |args: &[&str]| {
                let fixed = ["solve", &matrix, "--solver", solver, "--output", &output];
                let run = run_json(how, &[&fixed, args].concat(), 0);
                (outcome(&run).2, distance(&read_vector(&output), &x), read_vector(&output))
            };
            let (iterations, far, _) = solve(&["--rhs", &b, "--x0", &guess]);
            assert_eq!((iterations, far < 1e-12), (0.0, true), "{how:?} {solver}: exact guess, {far:e} away");
            let (iterations, far, _) = solve(&["--rhs", &b, "--x0", &zero]);
            assert!(iterations > 0.0 && far < 1e-6, "{how:?} {solver}: zero guess, {far:e} away");
            let (iterations, _, zeros) = solve(&["--rhs", &zero]);
            assert_eq!((iterations, zeros), (0.0, vec![0.0; a.n]), "{how:?} {solver}: zero rhs");
            let (iterations, _, zeros) = solve(&["--rhs", &zero, "--x0", &guess]);
            assert!(iterations > 0.0 && norm(&zeros) < 1e-6 * norm(&x), "{how:?} {solver}: zero rhs from a guess");
        }
    }
}

/// Conjugate gradients end there before there is a lower bound of the error, and then only stir rounding errors.
#[test]
fn the_error_of_a_system_solved_to_the_last_bit_is_small_enough() {
    let folder = Folder::new("last bit");
    let tiny = folder.write("tiny.mtx", blocks(6, 2.0, 1.0).text());
    let waves = folder.write("waves.mtx", vector_text(&[3.0, -1.0, 4.0, 1.0, -5.0, 9.0]));
    for how in both(3) {
        for method in ["hs-cg", "pr-cg", "pipe-pr-cg", "pipe-p-cg"] {
            for pc in ["none", "jacobi", "chebyshev"] {
                for problem in [
                    &["poisson", "-n", "6", "--dim", "2"][..],
                    &["poisson", "-n", "6", "--dim", "2", "--rhs", "random"],
                    &["poisson", "-n", "2", "--rhs", "random", "--lambda-min", "1e-3"],
                    &["solve", &tiny, "--rhs", &waves],
                ] {
                    let args = [problem, &["--stop-on", "error-a", "--solver", method, "--pc", pc]].concat();
                    if how != Launch::Threads(3) && (method != "pipe-pr-cg" || pc != "jacobi") {
                        continue; // a launch takes a second
                    }
                    let run = run_json(how, &args, 0);
                    let true_residual = number(&run, "/outcome/true_relative_residual");
                    assert!(true_residual < 1e-8, "{how:?} {args:?}: {true_residual:e}");
                }
            }
        }
    }
    let beyond = ["poisson", "-n", "12", "--dim", "2", "--stop-on", "error-a", "--rtol", "1e-18"];
    assert_eq!(run(Launch::Alone, &beyond).code, Some(5), "an error that no f64 can have");
}

#[test]
fn a_zero_right_hand_side_is_monitored_in_numbers() {
    let folder = Folder::new("monitor zero");
    let a = Sparse::network(9);
    let matrix = folder.write("a.mtx", a.text());
    let zero = folder.write("zero.mtx", vector_text(&[0.0; 9]));
    let guess = folder.write("x.mtx", vector_text(&ramp(9)));
    for args in [&["--x0", &guess][..], &[]] {
        let finished = run(Launch::Alone, &[&["solve", &matrix, "--rhs", &zero, "--monitor"], args].concat());
        let wrong = finished.stdout.lines().find(|line| line.contains("NaN") || line.contains(" inf"));
        assert_eq!((finished.code, wrong), (Some(0), None), "{finished:?}");
    }
}

#[test]
fn tiny_numbers_are_not_mistaken_for_zero() {
    let folder = Folder::new("tiny");
    let matrix = folder.write("tiny.mtx", blocks(4, 2e-200, 1e-200).text());
    let output = folder.path("x.mtx");
    let finished = run(Launch::Alone, &["solve", &matrix, "--atol", "0", "--output", &output]);
    let solved = distance(&read_vector(&output), &[0.5; 4]) < 1e-6;
    assert!(finished.code != Some(0) || solved, "x is wrong, and called converged: {}", finished.stdout);
}

#[test]
fn the_meshes_take_the_iterations_that_are_known() {
    let facts = read(&mesh("facts.csv"));
    let mut lines = facts.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let heading = lines.next().expect("a heading");
    for line in lines {
        let cell = |name: &str| line[heading.iter().position(|head| *head == name).expect("a column")];
        let fact = |name: &str| cell(name).parse::<f64>().expect("a number");
        for (pc, known, off) in [
            ("none", fact("iterations_none"), 2.0 + 0.03 * fact("iterations_none")),
            ("jacobi", fact("iterations_jacobi"), 2.0),
        ] {
            let args = ["solve", &mesh(cell("file")), "--pc", pc, "--max-it", "20000", "--solver", "hs-cg"];
            let run = run_json(Launch::Alone, &args, 0);
            let iterations = outcome(&run).2;
            assert!((iterations - known).abs() <= off, "{line:?} {pc}: {iterations} iterations");
            assert_eq!((number(&run, "/problem/rows"), number(&run, "/problem/nonzeros")), (fact("n"), fact("nnz")));
            assert!(number(&run, "/outcome/error/relative_2_norm") < 1e-6, "{line:?} {pc}");
        }
    }
}

/// The recurrence goes on falling where the true residual cannot. PETSc's users ask for a number of iterations by no tolerance.
#[test]
fn a_tolerance_below_double_precision_ends_soon_and_none_takes_the_iterations_asked_for() {
    let plate = mesh("plate_hole.mtx");
    for problem in [&["solve", &plate][..], &["solve", &mesh("plate.msh")], &["poisson", "-n", "20"]] {
        for solver in ["pipe-pr-cg", "pr-cg", "hs-cg"] {
            let args = [problem, &["--rtol", "1e-50", "--solver", solver, "--max-it", "5000"]].concat();
            let run = run_json(Launch::Alone, &args, 5);
            let (_, reason, iterations) = outcome(&run);
            assert!(reason == "STAGNATED" && iterations < 1000.0, "{args:?}: {run:#}");
            assert!(number(&run, "/outcome/true_relative_residual") < 1e-13, "{args:?}: {run:#}");
            assert_eq!(number(&run, "/outcome/corrupted_vectors"), 0.0, "{args:?}: {run:#}");
        }
        for iterations in ["30", "200", "20000"] {
            let args = [problem, &["--rtol", "0", "--max-it", iterations]].concat();
            let finished = run(Launch::Alone, &args);
            assert!(!finished.stdout.contains("corrupted"), "{args:?}: {finished:?}");
            if iterations != "20000" {
                let taken = outcome(&run_json(Launch::Alone, &args, 4)).2;
                assert_eq!(taken, iterations.parse::<f64>().expect("a number"), "{args:?}");
            }
        }
    }
    // Of b = 0 the true residual falls as far as numbers go.
    let folder = Folder::new("far below");
    let zero = folder.write("zero.mtx", vector_text(&[0.0; 400]));
    let guess = folder.write("x.mtx", vector_text(&ramp(400)));
    let args = ["poisson", "-n", "20", "--rhs", &zero, "--x0", &guess, "--rtol", "1e-60"];
    let run = run_json(Launch::Alone, &args, 0);
    assert!(number(&run, "/outcome/true_relative_residual") < 1.1e-60, "{run:#}");
    assert_eq!(number(&run, "/outcome/corrupted_vectors"), 0.0);
}

/// The true residual may differ from the recurrence's by rounding, and the summary does not say that it met what it did not.
#[test]
fn what_met_the_tolerance_is_said() {
    let mut ways = [0, 0];
    for rtol in ["1e-6", "1e-9", "1e-10", "1e-11", "2e-12", "1e-12"] {
        let anisotropic = mesh("anisotropic.mtx");
        let run = run_json(Launch::Alone, &["solve", &anisotropic, "--pc", "jacobi", "--rtol", rtol], 0);
        let met = number(&run, "/outcome/true_relative_residual") <= rtol.parse().expect("a number");
        let reason = run["outcome"]["reason"].as_str().expect("words");
        assert_eq!(reason.contains("the true residual meets the relative tolerance"), met, "{rtol}: {reason}");
        assert_eq!(reason.contains("within 1.1 times the relative tolerance"), !met, "{rtol}: {reason}");
        ways[usize::from(met)] += 1;
    }
    assert!(ways[0] > 0 && ways[1] > 0, "{ways:?}");
}

#[test]
fn the_error_on_which_a_solve_stops_is_shown() {
    for how in both(2) {
        for (options, is_bound) in [(&[][..], false), (&["--lambda-min", "1e-4"], true)] {
            let args = [&["poisson", "-n", "20", "--stop-on", "error-a", "--rtol", "1e-6"], options].concat();
            let run_facts = run_json(how, &args, 0);
            let relative = number(&run_facts, "/outcome/error_a/relative_a_norm");
            assert!(relative > 0.0 && relative <= 1e-6, "{how:?} {options:?}: {relative:e}");
            assert_eq!(run_facts["outcome"]["error_a"]["is_bound"], is_bound);
            let end = format!(
                "e-7 relative A-norm, against that of the initial guess, {}",
                if is_bound { "at most" } else { "estimated" }
            );
            let finished = run(how, &args);
            assert!(finished.stdout.contains(&end), "{how:?} {end}: {finished:?}");
        }
        assert!(run_json(how, &["poisson", "-n", "20"], 0)["outcome"]["error_a"].is_null());
    }
}

#[test]
fn who_reaches_the_limit_without_a_preconditioner_is_told_of_them() {
    let said = |pc: &str| {
        let finished = run(Launch::Alone, &["poisson", "-n", "20", "--max-it", "3", "--pc", pc]);
        assert_eq!(finished.code, Some(4), "{finished:?}");
        finished.stdout.contains("\nadvice       a preconditioner may help")
    };
    assert_eq!(["none", "jacobi"].map(said), [true, false]);
}

/// A tolerance at the edge of double precision is met, or the solve stagnates close by: the matrix is not to
/// blame, and an x that was good is not to be spoilt.
#[test]
fn a_tolerance_beyond_reach_is_no_fault_of_the_matrix() {
    let mut complaints = Vec::new();
    for name in ["plate_hole.mtx", "anisotropic.mtx", "circuit.mtx"] {
        let matrix = mesh(name);
        for solver in ["hs-cg", "pipe-pr-cg"] {
            for rtol in ["1e-13", "1e-15"] {
                let folder = Folder::new(&unique("reach"));
                let json_path = folder.path("run.json");
                let fixed = ["--pc", "jacobi", "--max-it", "5000", "--json", &json_path];
                let args = [&["solve", &matrix, "--solver", solver, "--rtol", rtol], &fixed[..]].concat();
                let finished = run(Launch::Alone, &args);
                let run = json(&json_path);
                let residual = number(&run, "/outcome/true_relative_residual");
                if !matches!(finished.code, Some(0 | 4 | 5)) || residual.is_nan() || residual > 1e-6 {
                    let (code, reason, iterations) = outcome(&run);
                    let end = format!("{reason} ({code}) after {iterations} iterations at {residual:.1e}");
                    complaints.push(format!("\n* {name} {solver} {rtol}: {end}"));
                }
            }
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.concat());
}

/// Nothing is wrong with the memory then.
#[test]
fn an_asymmetric_matrix_that_is_insisted_on_is_no_hardware_fault() {
    let folder = Folder::new("insisted");
    let n = 200;
    let rows = (1..=n).map(|i| {
        let beside =
            |j: usize, value: f64| if (1..=n).contains(&j) { format!("{i} {j} {value}\n") } else { String::new() };
        format!("{i} {i} 4\n") + &beside(i - 1, -1.5) + &beside(i + 1, -0.5)
    });
    let header = format!("%%MatrixMarket matrix coordinate real general\n{n} {n} {}\n", 3 * n - 2);
    let file = folder.write("a.mtx", header + &rows.collect::<String>());
    for how in both(2) {
        let finished = run(how, &["solve", &file, "--assume-symmetric", "--rhs", "ones"]);
        assert!(finished.stdout.contains("the matrix is not symmetric (--assume-symmetric)"), "{finished:?}");
        assert!(!finished.stdout.contains("corrupted"), "{finished:?}");
    }
}
