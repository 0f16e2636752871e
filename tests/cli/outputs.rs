//! What a run leaves behind: summary, JSON, history, solution and matrix files, and that they agree
//! with each other and with what can be computed from the files alone.

use crate::common::Launch;
use crate::support::*;
use serde_json::Value;

/// The heading and the rows of a CSV file.
fn table(path: &str) -> (Vec<String>, Vec<Vec<String>>) {
    let text = read(path);
    let mut rows = text.lines().map(|line| line.split(',').map(str::to_string).collect());
    (rows.next().expect("a heading"), rows.collect())
}

fn close(a: f64, b: f64, relative: f64) -> bool {
    (a - b).abs() <= relative * a.abs().max(b.abs())
}

#[test]
fn json_has_its_schema_and_consistent_numbers() {
    let plate = mesh("plate_hole.mtx");
    for how in both(3) {
        for (args, code) in [
            (&["solve", &plate, "--pc", "jacobi"][..], 0),
            (&["solve", &plate, "--max-it", "7", "--rhs", "ones", "--partition", "blocks"], 4),
            (&["poisson", "--n", "20,30"], 0),
            (&["model", "-n", "50"], 0),
        ] {
            let run = run_json(how, args, code);
            let text = |at: &str| {
                run.pointer(at).and_then(Value::as_str).unwrap_or_else(|| panic!("no text at {at}: {run:#}"))
            };
            assert_eq!((text("/schema"), text("/version")), ("halocg-run/2", env!("CARGO_PKG_VERSION")));
            let command: Vec<&str> =
                run["command"].as_array().expect("words").iter().filter_map(Value::as_str).collect();
            assert!(args.iter().all(|word| command.contains(word)), "{command:?}");
            for at in [
                "/machine/engine",
                "/problem/name",
                "/problem/rhs",
                "/method/solver",
                "/method/preconditioner",
                "/outcome/reason",
            ] {
                assert!(!text(at).is_empty(), "{at}");
            }
            let at = |at: &str| number(&run, at);
            for place in [
                "/method/rtol",
                "/method/atol",
                "/method/divtol",
                "/method/max_iterations",
                "/outcome/replaced_residuals",
                "/outcome/corrupted_vectors",
            ] {
                at(place);
            }
            for place in [
                "/setup_seconds/load",
                "/setup_seconds/partition",
                "/setup_seconds/distribute",
                "/setup_seconds/preconditioner",
            ] {
                assert!(at(place) >= 0.0, "{place}");
            }
            assert_eq!((at("/machine/ranks"), at("/outcome/exit_code")), (3.0, f64::from(code)));
            assert_eq!(run["outcome"]["converged"], code == 0);
            assert_eq!(run["outcome"]["error"].is_null(), args.contains(&"ones"));
            let (iterations, seconds) = (at("/outcome/iterations"), at("/outcome/solve_seconds"));
            let each = at("/outcome/microseconds_per_iteration") * 1e-6;
            // The start of the method and the last residual cost some iterations.
            assert!(each * iterations <= seconds && each * (iterations + 30.0) > 0.1 * seconds, "{each} {seconds}");
            let phases = run["phases"].as_array().expect("phases");
            let names: Vec<&str> = phases.iter().filter_map(|phase| phase["name"].as_str()).collect();
            assert_eq!(names, ["product", "exchange", "sum", "preconditioner", "vectors", "sweep"]);
            assert!(number(&phases[0], "/seconds/max") > 0.0 && seconds > 0.0);
            // One sum and two products per iterate, and what belongs to the start and the end.
            assert!((iterations..iterations + 9.0).contains(&at("/traffic/sums")), "{run:#}");
            assert!((2.0 * iterations..2.0 * iterations + 9.0).contains(&at("/traffic/products")), "{run:#}");
            if args[0] == "model" {
                assert!(run["partition"].is_null());
                continue;
            }
            for of in ["rows", "nonzeros"] {
                let spread = ["min", "avg", "max"].map(|of_ranks| at(&format!("/partition/{of}/{of_ranks}")));
                assert!(close(3.0 * spread[1], at(&format!("/problem/{of}")), 1e-12), "{of} {run:#}");
                assert!(spread.is_sorted(), "{of} {spread:?}");
            }
            assert!(close(
                at("/partition/imbalance"),
                at("/partition/nonzeros/max") / at("/partition/nonzeros/avg"),
                1e-12
            ));
            // A pair of f64 for every ghost; a message from every neighbour.
            assert!(close(
                at("/partition/bytes_per_pair_exchange"),
                16.0 * 3.0 * at("/partition/ghost_rows/avg"),
                1e-12
            ));
            assert!(at("/partition/edge_cut") > 0.0 && at("/partition/neighbours/max") <= 2.0);
        }
    }
}

#[test]
fn history_json_and_monitor_tell_the_same_story() {
    let folder = Folder::new("history");
    let history = folder.path("history.csv");
    let json_path = folder.path("run.json");
    for how in both(4) {
        for (solver, pc) in [("hs-cg", "none"), ("pipe-pr-cg", "jacobi"), ("pipe-pr-cg", "none")] {
            let args = ["--solver", solver, "--pc", pc, "--history", &history, "--json", &json_path, "--monitor"];
            let finished = run(how, &[&["solve", &mesh("plate_hole.mtx")], &args[..]].concat());
            assert_eq!(finished.code, Some(0), "{finished:?}");
            let run = json(&json_path);
            let (iterations, reference) =
                (number(&run, "/outcome/iterations"), number(&run, "/outcome/reference_norm"));

            let (heading, rows) = table(&history);
            assert_eq!(rows.len(), iterations as usize + 1, "{how:?} {solver} {pc}");
            let column = |row: &[String], name: &str| {
                let place =
                    heading.iter().position(|head| head == name).unwrap_or_else(|| panic!("no {name}: {heading:?}"));
                row[place].parse().unwrap_or(f64::NAN)
            };
            let mut seconds = 0.0;
            for (k, row) in rows.iter().enumerate() {
                let cell = |name| column(row, name);
                let (residual, nu) = (cell("residual"), cell("nu"));
                assert_eq!(cell("iteration"), k as f64);
                assert!(residual > 0.0 && nu > 0.0, "{row:?}");
                assert!(close(cell("relative_residual"), residual / reference, 1e-12), "{row:?}");
                // With M = I, ν is ⟨r, r⟩; the last iterate takes no step.
                assert!(pc != "none" || close(nu, residual * residual, 1e-12), "{row:?}");
                let last = k == iterations as usize;
                assert_eq!((cell("alpha") > 0.0, cell("alpha").is_nan()), (!last, last), "{row:?}");
                assert!(!last || cell("beta").is_nan(), "{row:?}");
                assert!(cell("seconds") >= seconds, "{row:?}");
                seconds = cell("seconds");
            }
            let relative = |back: usize| column(&rows[rows.len() - back], "relative_residual");
            assert!(relative(1) <= 1e-8 && relative(2) > 1e-8, "{:?}", rows[rows.len() - 1]);
            assert!(close(relative(1), number(&run, "/outcome/recurrence_relative_residual"), 1e-15));

            let monitored: Vec<&str> = finished.stdout.lines().filter(|line| line.contains("||r|| ")).collect();
            assert_eq!(monitored.len(), iterations as usize + 1, "one line per iterate");
            assert!(finished.stdout.starts_with(monitored[0]), "the summary comes after the iterates");
            for (line, row) in monitored.iter().zip(&rows) {
                let words: Vec<&str> = line.split_whitespace().collect();
                let shown: [f64; 2] = [words[0], words[2]].map(|word| word.parse().expect("a number"));
                let same = shown[0] == column(row, "iteration") && close(shown[1], column(row, "residual"), 1e-6);
                assert!(same, "{line} {row:?}");
            }
        }
    }
}

#[test]
fn the_reported_residual_is_that_of_the_written_solution() {
    let folder = Folder::new("residual");
    let output = folder.path("x.mtx");
    for name in ["plate_hole.mtx", "anisotropic.mtx", "circuit.mtx"] {
        let a = Sparse::read(&mesh(name));
        for how in both(3) {
            let args = ["solve", &mesh(name), "--pc", "jacobi", "--rhs", "ones", "--output", &output];
            let run = run_json(how, &args, 0);
            let product = a.times(&read_vector(&output));
            let residual = norm(&product.iter().map(|y| 1.0 - y).collect::<Vec<_>>()) / (a.n as f64).sqrt();
            let reported = number(&run, "/outcome/true_relative_residual");
            // What differs is rounding, some 1e-12 of b on the worst of these matrices.
            assert!(
                (residual - reported).abs() < 1e-11 + 1e-4 * residual,
                "{name} {how:?}: {residual:e}, not {reported:e}"
            );
            assert!(close(number(&run, "/outcome/reference_norm"), (a.n as f64).sqrt(), 1e-12));
        }
    }
}

#[test]
fn one_summary_and_nothing_else_is_printed() {
    for how in [&[Launch::Alone][..], &both(4)].concat() {
        for args in [&["solve", &mesh("plate_hole.mtx")][..], &["poisson", "--n", "9"], &["model", "-n", "30"]] {
            let finished = run(how, args);
            assert_eq!((finished.code, finished.stderr.as_str()), (Some(0), ""), "{how:?} {args:?}");
            for word in [
                "problem ",
                "ranks ",
                "method ",
                "result ",
                "CONVERGED_RTOL",
                "iterations ",
                "residual  ",
                "error  ",
                "set-up ",
            ] {
                assert_eq!(
                    finished.stdout.matches(word).count(),
                    1,
                    "{word:?} in {how:?} {args:?}: {}",
                    finished.stdout
                );
            }
            assert!(finished.stdout.starts_with("problem ") && !finished.stdout.contains(['\r', '\x1b']));
            let partitioned = how != Launch::Alone && args[0] != "model";
            assert_eq!(finished.stdout.contains("partition   "), partitioned, "{how:?} {args:?}: {}", finished.stdout);
        }
    }
}

#[test]
fn a_written_poisson_matrix_solves_like_the_generated_one() {
    let folder = Folder::new("write");
    for (dim, n, stencil) in [("2", "12,9", "5"), ("2", "7", "9"), ("3", "5,4,6", "7"), ("3", "5", "27")] {
        let mut texts = Vec::new();
        for how in [&[Launch::Alone][..], &both(4)].concat() {
            let written = folder.path(&(unique("a") + ".mtx"));
            let grid = ["--dim", dim, "--n", n, "--stencil", stencil, "--write", &written];
            let run = run_json(how, &[&["poisson", "--rhs", "ones"], &grid[..]].concat(), 0);
            let again = run_json(how, &["solve", &written, "--rhs", "ones"], 0);
            for place in ["/problem/rows", "/problem/nonzeros", "/outcome/reference_norm"] {
                assert_eq!(number(&run, place), number(&again, place), "{how:?} {grid:?} {place}");
            }
            // Several ranks are partitioned in another way, and round in another way.
            let [one, other] = [&run, &again].map(|run| number(run, "/outcome/iterations"));
            let off = if how == Launch::Alone { 0.0 } else { 1.0 };
            assert!((one - other).abs() <= off, "{how:?} {grid:?}: {one} and {other} iterations");
            texts.push(read(&written));
        }
        assert!(texts.iter().all(|text| *text == texts[0]), "{dim}D {stencil} points: the ranks write another file");
    }
}

#[test]
fn format_and_schedule_change_no_bit_and_are_reported() {
    let folder = Folder::new("format");
    for how in [&[Launch::Alone][..], &both(4)].concat() {
        let mut solutions = Vec::new();
        for matrix in [
            &["--format", "csr"][..],
            &["--format", "sell"],
            &["--format", "dictionary"],
            &["--format", "dia"],
            &["--format", "runs"],
            &["--format", "auto"],
            &["--matrix-free"],
        ] {
            for schedule in ["overlap", "one-sweep", "auto"] {
                let x = folder.path("x.mtx");
                let args = ["poisson", "--n", "70,50", "--pc", "jacobi", "--schedule", schedule, "--output", &x];
                let run = run_json(how, &[&args, matrix].concat(), 0);
                solutions.push(read(&x));
                let storage = &run["storage"];
                let ran = storage["schedule"].as_str().expect("a schedule");
                assert!(ran == schedule || schedule == "auto" && ["overlap", "one-sweep"].contains(&ran), "{storage}");
                let format = if matrix == ["--format", "auto"] { "runs" } else { matrix[matrix.len() - 1] };
                assert!(storage["ranks_by_format"][format.trim_start_matches("--")].is_number(), "{format}: {storage}");
                let considered = &storage["bytes_per_row_by_format"];
                assert_eq!(considered.is_null(), matrix != ["--format", "auto"], "{storage}");
                if matrix == ["--format", "auto"] {
                    let bytes = |name: &str| number(considered, &format!("/{name}"));
                    assert!(bytes("runs") < bytes("dictionary") && bytes("dia") < bytes("sell"), "{storage}");
                    assert!(bytes("sell") < bytes("csr"), "{storage}");
                }
                let swept = run["traffic"]["sweep_gigabytes_per_second"].as_f64().expect("a rate") > 0.0;
                assert_eq!(swept, ran == "one-sweep", "{run:#}");
            }
        }
        assert!(solutions.iter().all(|x| *x == solutions[0]), "{how:?}");
        // A mesh, whose rows differ.
        let storage = &run_json(how, &["solve", "meshes/plate_hole.mtx"], 0)["storage"];
        assert!(storage["ranks_by_format"]["sell"].is_number(), "{storage}");
        assert!(storage["bytes_per_row_by_format"]["dia"].is_null(), "{storage}");
        // A choice that cannot be followed is refused; one that does not pay is followed.
        let refused = crate::support::run(how, &["solve", "meshes/plate_hole.mtx", "--format", "dictionary"]);
        assert_eq!(refused.code, Some(2), "{refused:?}");
        assert!(refused.stderr.contains("--format dictionary needs"), "{refused:?}");
        assert_eq!(storage["reordered_ranks"], 0, "{storage}");
        let reordered = run_json(how, &["solve", "meshes/plate_hole.mtx", "--ordering", "rcm"], 0);
        assert_eq!(reordered["storage"]["reordered_ranks"], reordered["machine"]["ranks"], "{reordered:#}");
        // Nothing to choose: nothing is reported.
        for args in [["poisson", "--n", "9", "--solver", "hs-cg"], ["poisson", "--n", "9", "--pc", "ssor"]] {
            let schedule = &run_json(how, &args, 0)["storage"]["schedule"];
            assert!(schedule.is_null() || schedule == "overlap" && args[3] == "--pc", "{args:?}: {schedule}");
        }
    }
}

#[test]
fn a_comparison_leaves_out_what_cannot_be_built() {
    for how in both(2) {
        let args = ["compare", "model", "-n", "40", "--solvers", "hs-cg,pipe-pr-cg", "--pc", "chebyshev,jacobi"];
        let finished = run(how, &args);
        assert_eq!(finished.code, Some(0), "{finished:?}");
        assert!(finished.stdout.contains("preconditioner chebyshev-4: left out: "), "{finished:?}");
        assert!(finished.stdout.contains("PIPE-PR-CG"), "{finished:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_discretisation_error_falls_as_h_squared() {
    for (dim, stencil, coarse, fine) in
        [("2", "5", "15", "31"), ("2", "9", "15", "31"), ("3", "7", "11", "23"), ("3", "27", "11", "23")]
    {
        for how in both(4) {
            let error = |n: &str| {
                let args = ["poisson", "--dim", dim, "--stencil", stencil, "--n", n, "--rtol", "1e-11"];
                number(&run_json(how, &args, 0), "/outcome/error/relative_2_norm")
            };
            let ratio = error(coarse) / error(fine);
            assert!((3.6..4.4).contains(&ratio), "{dim}D {stencil} points {how:?}: {ratio}");
        }
    }
}

#[test]
fn the_model_problem_takes_any_number_of_rows() {
    for (n, ranks) in [("100", 3), ("100", 7), ("1", 4), ("2", 4), ("17", 1)] {
        for how in both(ranks) {
            for (solver, pc) in [("hs-cg", "none"), ("pipe-pr-cg", "none"), ("pipe-pr-cg", "jacobi")] {
                let args = ["model", "-n", n, "--kappa", "1e3", "--rtol", "1e-10", "--solver", solver, "--pc", pc];
                let run = run_json(how, &args, 0);
                let n: f64 = n.parse().expect("a number");
                assert_eq!((number(&run, "/problem/rows"), number(&run, "/problem/nonzeros")), (n, n * n));
                let error = number(&run, "/outcome/error/relative_2_norm");
                assert!(error < 1e-6, "{how:?} {args:?}: {error:e}");
            }
        }
    }
}

#[test]
fn added_entries_are_counted_and_an_asymmetric_matrix_can_be_insisted_on() {
    let folder = Folder::new("added entries");
    let text = "%%MatrixMarket matrix coordinate real general\n3 3 5\n1 1 1\n1 1 1\n2 2 2\n2 1 1e-6\n3 3 1\n";
    let path = folder.write("a.mtx", text);
    for how in both(3) {
        let refused = run(how, &["solve", &path]);
        assert_eq!(refused.code, Some(7), "{refused:?}");
        let insisted = run(how, &["solve", &path, "--assume-symmetric", "--rtol", "1e-3"]);
        assert_eq!(insisted.code, Some(0), "{insisted:?}");
        assert!(insisted.stdout.contains("1 entries of the file added"), "{insisted:?}");
    }
}

/// How sums travelled, for how long they were hidden, and that neither changes more than rounding.
#[test]
fn ways_to_sum_are_reported() {
    for how in both(3) {
        let solve =
            |more: &[&str]| run_json(how, &[&["poisson", "--n", "40,30", "--schedule", "overlap"], more].concat(), 0);
        let plain = solve(&[]);
        let own = if how == Launch::Mpirun(3) { "mpi" } else { "shared-memory" };
        assert_eq!(plain["sum"]["algorithm"], own, "{how:?}");
        assert!(plain["sum"]["measured_microseconds"].is_null());
        let hidden = number(&plain, "/hidden_sum_seconds/max");
        assert!(hidden > 0.0 && hidden <= number(&plain, "/outcome/solve_seconds"), "{hidden}");
        let classic = solve(&["--solver", "hs-cg"]);
        assert_eq!(number(&classic, "/hidden_sum_seconds/max"), 0.0, "hs-cg hides nothing");

        let auto = solve(&["--sum", "auto"]);
        let measured = auto["sum"]["measured_microseconds"].as_array();
        assert_eq!(measured.map(Vec::len), (how == Launch::Mpirun(3)).then_some(2), "{auto:#}");
        if how == Launch::Mpirun(3) {
            let doubling = solve(&["--sum", "recursive-doubling"]);
            assert_eq!(doubling["sum"]["algorithm"], "recursive-doubling");
            let iterations = |run: &Value| number(run, "/outcome/iterations");
            assert!((iterations(&doubling) - iterations(&plain)).abs() <= 2.0);
            let others = |run: &Value| number(run, "/traffic/sums") - iterations(run);
            assert_eq!(others(&doubling), others(&plain), "counted as any other sum");
        }
    }
}
