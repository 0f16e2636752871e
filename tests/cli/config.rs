//! Options from a file, lists of values, completions and manual pages.

use crate::common::Launch;
use crate::support::*;

#[test]
fn a_file_gives_defaults_and_the_command_line_wins() {
    for how in [vec![Launch::Alone], both(2)].concat() {
        let folder = Folder::new(&unique("config"));
        let file = folder.write("run.toml", "solver = \"hs-cg\"\nksp-max-it = 7\nreproducible = true\nrtol = 1e-3\n");
        let matrix = mesh("plate_hole.mtx");
        let args = ["solve", &matrix, "--config", &file];
        let run = run_json(how, &args, 4);
        assert_eq!((run["method"]["solver"].as_str(), number(&run, "/outcome/iterations")), (Some("hs-cg"), 7.0));
        assert_eq!(run["method"]["reproducible"], true);
        // All that is needed to repeat it, wherever it came from.
        assert_eq!(run["options"]["max-it"][0], "7");
        assert_eq!(run["options"]["pc"][0], "none");
        assert_eq!(run["options"]["matrix"][0].as_str(), Some(&*matrix));
        let run = run_json(how, &[&args[..], &["--max-it", "5000", "--rtol", "0.5"]].concat(), 0);
        assert_eq!((&run["method"]["solver"], number(&run, "/method/rtol")), (&"hs-cg".into(), 0.5));
    }
}

/// Words of a file are words of the command line: what one option needs, the file may have.
#[test]
fn options_of_the_file_are_looked_at_like_any_other() {
    let folder = Folder::new("config beside words");
    let with = |text: &str, args: &[&str]| {
        let file = folder.write("run.toml", text);
        run(Launch::Alone, &[args, &["--config", &file]].concat())
    };
    let x = folder.path("x.mtx");
    let solve = ["poisson", "-n", "9"];
    let finished = with(&format!("output = \"{x}\"\n"), &[&solve[..], &["--output-format", "hcg"]].concat());
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert!(!std::fs::read(&x).expect("the solution").starts_with(b"%%MatrixMarket"), "it is .hcg that was asked for");
    // Also what the command would not go without, and both ways of writing a name.
    let finished = with("n = [9, 8]\nmax_it = 1\nksp-rtol = 1e-3\nreproducible = false\n", &["poisson"]);
    assert_eq!(finished.code, Some(4), "{finished:?}");
    assert!(finished.stdout.contains("9 x 8 points"), "{finished:?}");
    // A flag that the file leaves unset leaves the others alone.
    assert_eq!(with("reproducible = false\npc = \"ssor\"\n", &solve).code, Some(0));
    assert_eq!(with("reproducible = true\npc = \"ssor\"\n", &solve).code, Some(2));
    // Below a subcommand of a subcommand; a list in one word; options of all commands.
    let nested = "solvers = [\"hs-cg\", \"pr-cg\"]\nthreads = 2\nengine = \"auto\"\nn = 9\n";
    let finished = with(nested, &["compare", "poisson"]);
    assert!(finished.code == Some(0) && finished.stdout.contains("2 ranks"), "{finished:?}");
    let rows = finished.stdout.lines().filter(|line| line.starts_with("HS-CG") || line.starts_with("PR-CG"));
    assert_eq!(rows.count(), 2, "{finished:?}");
    let finished = with(nested, &["compare", "poisson", "--threads", "3", "--solvers", "hs-cg"]);
    assert!(finished.stdout.contains("3 ranks") && !finished.stdout.contains("PR-CG"), "{finished:?}");
    // Before what ends the options.
    let matrix = mesh("plate_hole.mtx");
    let file = folder.write("run.toml", "max-it = 1\n");
    assert_eq!(run(Launch::Alone, &["solve", "--config", &file, "--", &matrix]).code, Some(4));
    // What is typed wins over what it excludes: so a solve that began at a guess of the file goes on.
    let (x0, c) = (folder.write("x0.mtx", vector_text(&[0.5; 81])), folder.path("c"));
    let text = format!("x0 = \"{x0}\"\n");
    let finished = with(&text, &[&solve[..], &["--max-it", "3", "--checkpoint", &c]].concat());
    assert_eq!(finished.code, Some(4), "{finished:?}");
    let finished = with(&text, &[&solve[..], &["--restart", &c]].concat());
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let both = format!("{text}restart = \"{c}\"\n");
    assert_eq!(with(&both, &solve).code, Some(2), "not both from the file");
    // Each value of a list.
    let plate = mesh("plate.msh");
    let page = folder.path("run.json");
    let conditions = "dirichlet = [\"left=0\", \"right=1\"]\n";
    let finished = with(conditions, &["solve", &plate, "--json", &page]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert_eq!(json(&page)["options"]["dirichlet"], serde_json::json!(["left=0", "right=1"]));
    // What is missing in both is missing.
    let finished = with("rtol = 1e-3\n", &["solve"]);
    assert!(finished.code == Some(2) && finished.stderr.contains("not provided:\n  <MATRIX>"), "{finished:?}");
    assert!(!finished.stderr.contains("run.toml"), "{finished:?}");
}

#[test]
fn a_network_may_be_in_the_file() {
    let folder = Folder::new("config of a network");
    let file = folder.write("run.toml", "hop-us = 1\n");
    let args = ["predict", "poisson", "-n", "9", "--machine", "no machine", "--gigabytes-per-second", "2"];
    let finished = run(Launch::Alone, &[&args[..], &["--config", &file]].concat());
    assert!(finished.code == Some(1) && finished.stderr.contains("no machine"), "{finished:?}");
}

#[test]
fn what_is_wrong_with_the_file_is_said() {
    let folder = Folder::new("wrong config");
    for (text, message) in [
        ("foo = 1\n", "wrong.toml: `foo` is no option of halocg solve"),
        ("solvr = \"cg\"\n", "`solvr` is no option of halocg solve; there is --solver"),
        ("points = 9\n", "wrong.toml: `points` is no option of halocg solve"),
        ("rtol = 1e-3\npc = = 2\n", "wrong.toml, line 2: "),
        ("rtol = -1\n", "wrong.toml: invalid value '-1' for '--rtol <RTOL>'"),
        ("solver = \"hscg\"\n", "wrong.toml: invalid value 'hscg' for '--solver <SOLVER>'"),
        ("threads = 2.5\n", "wrong.toml: invalid value '2.5' for '--threads <P>'"),
        ("pc = \"jacoby\"\n", "tip: a similar value exists: 'jacobi'"),
        ("pc = \"icc\"\n", "tip: --pc bjacobi --sub-pc ic0"),
        ("[solve]\nrtol = 1\n", "wrong.toml: `solve` must be a text"),
        ("reproducible = 1\n", "wrong.toml: `reproducible` must be true or false"),
        ("config = \"a\"\n", "wrong.toml: `config` is no option"),
        ("help = true\n", "wrong.toml: `help` is no option"),
        ("rtol = 1e-3\nksp-rtol = 1e-3\n", "wrong.toml: the argument '--rtol <RTOL>' cannot be used multiple times"),
        ("x0 = \"a\"\nrestart = \"b\"\n", "wrong.toml: the argument '--"),
        ("output-format = \"hcg\"\n", "wrong.toml: the following required arguments were not provided:\n  --output"),
    ] {
        let file = folder.write("wrong.toml", text);
        let finished = run(Launch::Alone, &["solve", &mesh("plate_hole.mtx"), "--config", &file]);
        assert_eq!(finished.code, Some(2), "{text}: {finished:?}");
        assert!(finished.stderr.contains(message) && !finished.stderr.contains("Usage: "), "{text}: {finished:?}");
    }
    let finished = run(Launch::Alone, &["solve", "a.mtx", "--config", &folder.path("none.toml")]);
    assert!(finished.code == Some(2) && finished.stderr.contains("none.toml: cannot be read"), "{finished:?}");
}

#[test]
fn help_lists_the_values_of_an_option() {
    for (args, kinds) in [
        (["solve", "--help", "solver"], halocg::krylov::TABLE.iter().map(|kind| kind.name).collect::<Vec<_>>()),
        (["poisson", "--help", "--pc"], halocg::preconditioner::TABLE.iter().map(|kind| kind.name).collect()),
        // By PETSc's names, those of all commands, and where a list is wanted.
        (["solve", "--help", "ksp-type"], halocg::krylov::TABLE.iter().map(|kind| kind.name).collect()),
        (["solve", "--help", "--ksp_type"], halocg::krylov::TABLE.iter().map(|kind| kind.name).collect()),
        (["compare", "--help", "solvers"], halocg::krylov::TABLE.iter().map(|kind| kind.name).chain(["all"]).collect()),
        (["info", "--help", "engine"], vec!["auto", "alone", "mpi"]),
    ] {
        let finished = run(Launch::Alone, &args);
        assert_eq!(finished.code, Some(0), "{finished:?}");
        for kind in kinds {
            let line = finished.stdout.lines().find(|line| line.trim_start().starts_with(&format!("{kind} ")));
            assert!(line.is_some_and(|line| line.len() > kind.len() + 12), "{kind}: {finished:?}");
        }
    }
    // A word that can be no option leaves the whole help.
    assert!(run(Launch::Alone, &["solve", "--help", "A.mtx"]).stdout.contains("Usage: halocg solve"));
}

#[test]
fn completions_and_manual_pages_name_every_subcommand() {
    let folder = Folder::new("documents");
    let pages = folder.path("man");
    assert_eq!(run(Launch::Alone, &["man", &pages]).code, Some(0));
    for shell in ["bash", "zsh", "fish"] {
        let script = run(Launch::Alone, &["completions", shell]);
        assert!(script.code == Some(0) && script.stdout.contains("solve"), "{shell}");
        assert!(script.stdout.contains("pipe-pr-cg"), "{shell} completes names of methods");
    }
    let page = read(&format!("{pages}/halocg-solve.1"));
    assert!(page.contains(".TH halocg-solve 1") && page.contains("pipe\\-pr\\-cg"), "{page}");
    assert!(read(&format!("{pages}/halocg.1")).contains("halocg\\-solve"));
    // A page for every other one that a page names.
    let mut named = 0;
    for file in std::fs::read_dir(&pages).expect("the pages") {
        let page = read(file.expect("a page").path().to_str().expect("UTF-8")).replace("\\-", "-");
        for name in page.split_whitespace().filter_map(|word| word.strip_suffix("(1)")) {
            assert!(std::path::Path::new(&format!("{pages}/{name}.1")).exists(), "{name}(1) is named, and not there");
            named += 1;
        }
    }
    assert!(named > 15, "{named}");
    assert!(read(&format!("{pages}/halocg-info-poisson.1")).contains("matrix\\-free"));
}
