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

#[test]
fn what_is_wrong_with_the_file_is_said() {
    let folder = Folder::new("wrong config");
    for (text, message) in [
        ("foo = 1\n", "wrong.toml: `foo` is no option of halocg solve"),
        ("points = 9\n", "wrong.toml: `points` is no option of halocg solve"),
        ("rtol = 1e-3\npc = = 2\n", "wrong.toml, line 2: "),
        ("rtol = -1\n", "wrong.toml: invalid value '-1' for '--rtol <RTOL>'"),
        ("solver = \"hscg\"\n", "wrong.toml: invalid value 'hscg' for '--solver <SOLVER>'"),
        ("[solve]\nrtol = 1\n", "wrong.toml: `solve` must be a text"),
    ] {
        let file = folder.write("wrong.toml", text);
        let finished = run(Launch::Alone, &["solve", &mesh("plate_hole.mtx"), "--config", &file]);
        assert_eq!(finished.code, Some(2), "{text}: {finished:?}");
        assert!(finished.stderr.contains(message), "{text}: {finished:?}");
    }
    let finished = run(Launch::Alone, &["solve", "a.mtx", "--config", &folder.path("none.toml")]);
    assert!(finished.code == Some(2) && finished.stderr.contains("none.toml: cannot be read"), "{finished:?}");
}

#[test]
fn help_lists_the_values_of_an_option() {
    for (args, kinds) in [
        (["solve", "--help", "solver"], halocg::krylov::TABLE.iter().map(|kind| kind.name).collect::<Vec<_>>()),
        (["poisson", "--help", "--pc"], halocg::preconditioner::TABLE.iter().map(|kind| kind.name).collect()),
    ] {
        let finished = run(Launch::Alone, &args);
        assert_eq!(finished.code, Some(0), "{finished:?}");
        for kind in kinds {
            let line = finished.stdout.lines().find(|line| line.trim_start().starts_with(&format!("{kind} ")));
            assert!(line.is_some_and(|line| line.len() > kind.len() + 12), "{kind}: {finished:?}");
        }
    }
    assert!(run(Launch::Alone, &["solve", "--help", "rtol"]).stdout.contains("Usage: halocg solve"));
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
}
