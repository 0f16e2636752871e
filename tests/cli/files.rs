//! The files that commands write: looked at beforehand, whole, named at the end, and none but those.

use crate::common::{Finished, Launch, finish, halocg, launch, limited};
use crate::support::*;
use serde_json::Value;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;

#[test]
fn files_that_cannot_be_written_are_reported_once() {
    let folder = Folder::new("unwritable");
    std::fs::create_dir(folder.path("folder")).expect("a folder");
    for how in both(4) {
        for option in ["--output", "--history", "--json", "--write", "--checkpoint"] {
            for (name, code) in [("no such folder/file", 1), ("folder", 1)] {
                let path = folder.path(name);
                let finished = run(how, &["poisson", "--n", "5", option, &path]);
                let message = format!("halocg: error: {path}: cannot write it: ");
                let errors: Vec<&str> = finished.stderr.lines().filter(|line| line.contains("error:")).collect();
                assert_eq!(finished.code, Some(code), "{how:?} {option} {finished:?}");
                assert!(matches!(errors[..], [line] if line.starts_with(&message)), "{how:?} {option} {finished:?}");
                assert_eq!(folder.names(), ["folder"], "{how:?} {option}: something was left behind");
            }
        }
    }
}

/// Before the work, so nothing is lost; nor is what was read overwritten.
#[test]
fn other_commands_look_at_their_files_first() {
    let folder = Folder::new("looked at first");
    let matrix = folder.write("a.mtx", Sparse::network(9).text());
    let none = folder.path("no such folder/file.png");
    for how in both(2) {
        for args in [
            &["info", &matrix, "--spy"][..],
            &["info", &matrix, "--json"],
            &["compare", &matrix, "--csv"],
            &["compare", &matrix, "--json"],
            &["partition", &matrix, "-k", "2", "--output"],
            &["partition", &matrix, "-k", "2", "--comm-matrix"],
            &["partition", &matrix, "-k", "2", "--json"],
            &["machine", "--quick", "--json"],
        ] {
            let finished = run(how, &[args, &[&none]].concat());
            assert_eq!((finished.code, &*finished.stdout), (Some(1), ""), "{how:?} {args:?} {finished:?}");
            assert!(finished.stderr.contains("file.png: cannot write it: there is no such folder"), "{finished:?}");
            if args[1] == matrix && ["--csv", "--json", "--output"].contains(&args[args.len() - 1]) {
                let finished = run(how, &[args, &[&matrix]].concat());
                assert_eq!(finished.code, Some(2), "{how:?} {args:?} {finished:?}");
                assert!(finished.stderr.contains("a.mtx: this file is the matrix's as well"), "{finished:?}");
            }
        }
    }
    assert_eq!(folder.names(), ["a.mtx"]);
    // What else is read, by whatever name.
    let (part, options) = (folder.write("a.part", "0\n".repeat(9)), folder.write("o.toml", ""));
    let [link, other] = ["link.csv", "other.csv"].map(|name| folder.path(name));
    for name in [&link, &other] {
        std::os::unix::fs::symlink("to nothing yet.csv", name).expect("a link");
    }
    let (guess, chain) = (folder.write("x0.mtx", vector_text(&[0.0; 9])), folder.path("chain.csv"));
    std::os::unix::fs::symlink("other.csv", &chain).expect("a link");
    let file = format!("file:{part}");
    for (args, what) in [
        (&["convert", &matrix, &matrix][..], "the input"),
        (&["solve", &matrix, "--partition", &file, "--json", &part], "--partition"),
        (&["solve", &matrix, "--config", &options, "--history", &options], "--config"),
        (&["compare", &matrix, "--config", &options, "--csv", &options], "--config"),
        (&["info", &matrix, "--config", &options, "--json", &options], "--config"),
        (&["solve", &matrix, "--x0", &guess, "--json", &guess], "--x0"),
        (&["compare", &matrix, "--csv", &link, "--json", &chain], "--csv"),
        (&["compare", &matrix, "--csv", &link, "--json", &other], "--csv"),
    ] {
        let finished = run(Launch::Alone, args);
        assert_eq!((finished.code, &*finished.stdout), (Some(2), ""), "{args:?} {finished:?}");
        assert!(finished.stderr.contains(&format!("this file is {what}'s as well")), "{finished:?}");
    }
    // A checkpoint takes the place of the one that was read, and a solution that of its guess.
    let (saved, x) = (folder.path("a.ckpt"), folder.path("x.mtx"));
    for args in [&["--max-it", "1", "-o", &x][..], &["--restart", &saved], &["--x0", &x, "-o", &x]] {
        let finished = run(Launch::Alone, &[&["solve", &matrix, "--checkpoint", &saved], args].concat());
        assert!(matches!(finished.code, Some(0 | 4)), "{args:?} {finished:?}");
    }
}

#[test]
fn the_last_line_names_the_files_that_were_written() {
    let folder = Folder::new("named");
    let matrix = folder.write("a.mtx", Sparse::network(9).text());
    let file = |name: &str| folder.path(name);
    let [x, json_path, picture, part, pages] = ["x.hcg", "r.json", "p.png", "a.part", "pages"].map(file);
    let in_pages = ["report.html", "run.json"].map(|name| format!("{pages}/{name}"));
    let last = |finished: &Finished| finished.stdout.lines().last().unwrap_or_default().to_string();
    for how in both(3) {
        for (args, names) in [
            (
                &["solve", &matrix, "-o", &x, "--json", &json_path, "--report", &pages, "--log-view"][..],
                &[&x, &json_path, &in_pages[0], &in_pages[1]][..],
            ),
            // A checkpoint has a line of its own.
            (&["poisson", "--n", "6", "--checkpoint", &file("c.ckpt"), "--png", &picture], &[&picture]),
            (&["compare", "model", "-n", "9", "--json", &json_path], &[&json_path]),
            (&["compare", &matrix, "--plot", &pages, "--json", &json_path], &[&json_path, &pages]),
            (&["info", &matrix, "--spy", &picture, "--json", &json_path], &[&picture, &json_path]),
            (&["partition", &matrix, "-k", "2", "-o", &part, "--json", &json_path], &[&part, &json_path]),
        ] {
            let finished = run(how, args);
            let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
            assert_eq!(last(&finished), format!("written      {}", names.join(", ")), "{how:?} {args:?} {finished:?}");
        }
        // No file, and what is none; nor behind data.
        for args in [
            &["solve", &matrix][..],
            &["solve", &matrix, "--json", "/dev/null", "--history", "/dev/stderr"],
            &["solve", &matrix, "--json", "/dev/stdout", "--output", &x],
        ] {
            let finished = run(how, args);
            assert!(finished.code == Some(0) && !finished.stdout.contains("written"), "{how:?} {args:?} {finished:?}");
        }
    }
    let finished = run(Launch::Alone, &["machine", "--quick", "--json", &json_path]);
    assert_eq!(last(&finished), format!("written      {json_path}"), "{finished:?}");
}

/// An opening of its own would not know what was printed before, nor what is printed after.
#[test]
fn data_printed_into_a_file_is_whole() {
    let folder = Folder::new("redirected");
    let plate = mesh("plate_hole.mtx");
    let [link, other] = ["link", "other"].map(|name| folder.path(name));
    std::os::unix::fs::symlink("/dev/stdout", &link).expect("a link");
    let printed = |args: &[&str]| {
        let out = folder.path("out");
        let mut program = limited();
        program.arg(halocg()).args(args).stdout(std::fs::File::create(&out).expect("a file"));
        let finished = finish(program);
        assert_eq!(finished.code, Some(0), "{args:?} {finished:?}");
        read(&out)
    };
    for target in ["/dev/stdout", &link, &folder.path("out")] {
        let text = printed(&["solve", &plate, "--json", target, "--output", &other]);
        let (summary, run) = text.split_at(text.find("\n{").expect("JSON") + 1);
        assert!(summary.starts_with("problem ") && summary.contains("\nresult "), "{target}: {summary}");
        assert!(serde_json::from_str::<Value>(run).is_ok(), "{target}: {run}");
        let parts = printed(&["partition", &plate, "-k", "2", "--output", target, "--json", &other]);
        assert_eq!(parts.lines().filter(|line| ["0", "1"].contains(line)).count(), 6240, "{target}");
        let matrix = printed(&["poisson", "-n", "5", "--write", target]);
        assert_eq!((matrix.matches("%%MatrixMarket").count(), matrix.matches("result ").count()), (1, 1), "{target}");
    }
}

/// A file is one for all ranks, whatever one of them prints to.
#[test]
fn a_rank_that_prints_into_the_solution_does_not_spoil_it() {
    let folder = Folder::new("rank prints");
    let [plain, x] = ["plain.mtx", "x.mtx"].map(|name| folder.path(name));
    let script = folder.write(
        "program",
        format!(
            "#!/bin/sh\nout=/dev/null\n[ \"${{OMPI_COMM_WORLD_RANK:-$PMI_RANK}}\" = 1 ] && out='{x}'\nexec '{}' \"$@\" > \"$out\"\n",
            halocg().display()
        ),
    );
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).expect("permissions");
    for how in both(3).into_iter().skip(1) {
        assert_eq!(run(how, &["poisson", "-n", "9", "--reproducible", "--output", &plain]).code, Some(0));
        let finished = launch(how, Path::new(&script), &["poisson", "-n", "9", "--reproducible", "--output", &x]);
        assert_eq!(finished.code, Some(0), "{finished:?}");
        assert!(read(&plain) == read(&x), "{}", read(&x));
    }
}

/// Before the solve, and nothing is left of the attempt.
#[test]
fn what_cannot_be_written_is_found_beforehand() {
    let folder = Folder::new("beforehand");
    let [file, linked, inside] = ["file", "linked", "inside/report.html"].map(|name| folder.path(name));
    std::fs::write(&file, "old").expect("a file");
    std::os::unix::fs::symlink("nowhere/at all", &linked).expect("a link");
    std::fs::create_dir_all(&inside).expect("folders");
    let under = folder.path("inside");
    for how in both(2) {
        for (option, path) in [
            ("--output", &format!("{file}/x.mtx")),
            ("--output", &(folder.path("x.mtx") + "/")),
            ("--json", &linked),
            ("--report", &linked),
            ("--report", &under),
        ] {
            let finished = run(how, &["poisson", "-n", "9", option, path]);
            assert_eq!((finished.code, &*finished.stdout), (Some(1), ""), "{how:?} {option} {path} {finished:?}");
        }
        // Folders that were made for nothing are taken away.
        let new = folder.path("new/a/b");
        for args in [
            &["poisson", "-n", "9", "--report", &new, "--json", &linked][..],
            &["solve", "missing.mtx", "--report", &new],
            &["compare", "missing.mtx", "--plot", &new],
            &["compare", "model", "-n", "9", "--json", &linked],
        ] {
            let finished = run(how, args);
            assert_eq!((finished.code, &*finished.stdout), (Some(1), ""), "{how:?} {args:?} {finished:?}");
        }
        assert_eq!(folder.names(), ["file", "inside", "linked"]);
    }
    // The files in a folder are looked at like others, and may have others beside them.
    let made = folder.path("made");
    let [page, beside] = ["report.html", "x.json"].map(|name| format!("{made}/{name}"));
    let finished = run(Launch::Alone, &["poisson", "-n", "9", "--report", &made, "--json", &page]);
    assert!(finished.code == Some(2) && finished.stderr.contains("this file is --json's as well"), "{finished:?}");
    let finished = run(Launch::Alone, &["poisson", "-n", "9", "--report", &made, "--json", &beside]);
    assert!(finished.code == Some(0) && read(&beside).starts_with('{'), "{finished:?}");
    // What is written beside a file is no other file.
    let [json, part] = ["r.json", "r.json.part"].map(|name| folder.path(name));
    for args in [["--json", &json, "--history", &part], ["--history", &part, "--json", &json]] {
        let finished = run(Launch::Alone, &[&["poisson", "-n", "9"], &args[..]].concat());
        assert!(finished.code == Some(2) && finished.stderr.contains("'s as well"), "{finished:?}");
    }
    let finished = run(Launch::Alone, &["model", "-n", "9", "--comm-matrix", &folder.path("c.svg")]);
    assert!(finished.code == Some(2) && finished.stderr.contains("needs a sparse matrix"), "{finished:?}");
}

#[test]
fn a_solution_in_a_format_that_there_is_not_is_refused() {
    let folder = Folder::new("endings");
    for name in ["x.csv", "x.mtx.gz", "x.txt"] {
        for (option, else_) in [("--output", ", or --output-format"), ("--write", "")] {
            let path = folder.path(name);
            let finished = run(Launch::Alone, &["poisson", "--n", "5", option, &path]);
            let said = format!("{path}: the ending names no format: use one of .mtx, .hcg, .petsc, .petsc64{else_}\n");
            assert!(finished.code == Some(2) && finished.stderr.ends_with(&said), "{finished:?}");
        }
    }
    assert!(folder.names().is_empty());
    let plain = folder.path("x");
    let named = folder.path("x.bin");
    assert_eq!(run(Launch::Alone, &["poisson", "--n", "5", "-o", &plain]).code, Some(0));
    assert_eq!(run(Launch::Alone, &["poisson", "--n", "5", "-o", &named, "--output-format", "mtx"]).code, Some(0));
    assert!(read(&plain).starts_with("%%MatrixMarket") && read(&plain) == read(&named));
    let capitals = folder.path("X.HCG");
    assert_eq!(run(Launch::Alone, &["poisson", "--n", "5", "-o", &capitals]).code, Some(0));
    assert!(!std::fs::read(&capitals).expect("a file").starts_with(b"%%"));
}

#[test]
fn nothing_is_left_beside_the_files_that_were_asked_for() {
    let folder = Folder::new("files");
    let names = ["a.mtx", "history.csv", "run.json", "x.mtx"];
    let [a, history, json_path, x] = names.map(|name| folder.path(name));
    for how in both(3) {
        let args = ["poisson", "--n", "6", "--write", &a, "--history", &history, "--json", &json_path, "--output", &x];
        // The second time over files that exist.
        for _ in 0..2 {
            assert_eq!(run(how, &args).code, Some(0));
            assert_eq!(folder.names(), names);
        }
    }
}

/// A pipe, a terminal or /dev/null is written to, not replaced by a file.
#[test]
fn a_special_file_is_written_to() {
    let folder = Folder::new("pipe");
    let (pipe, copy) = (folder.path("pipe"), folder.path("copy"));
    let script = "mkfifo \"$1\" || exit 99; timeout 20 cat \"$1\" > \"$2\" & \"$3\" poisson --n 4 --output \"$1\" && wait $! && test -p \"$1\"";
    let mut command = Launch::Alone.command("/bin/sh".as_ref());
    command.args(["-c", script, "sh", &pipe, &copy]).arg(halocg());
    let finished = finish(command);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert_eq!(read_vector(&copy).len(), 16);
}

#[test]
fn files_of_a_comparison_do_not_keep_each_other_back() {
    let folder = Folder::new("comparison files");
    for name in ["fine", "coarse"] {
        std::fs::create_dir_all(folder.path(name)).expect("a folder");
        folder.write(&format!("{name}/a.mtx"), std::fs::read(mesh("plate_hole.mtx")).expect("a matrix"));
    }
    let [fine, coarse] = ["fine/a.mtx", "coarse/a.mtx"].map(|name| folder.path(name));
    let [csv, rows, charts] = ["a.csv", "a.json", "charts"].map(|name| folder.path(name));
    std::os::unix::fs::symlink("/dev/full", &csv).expect("a link");
    let args = ["compare", &fine, &coarse, "--solvers", "hs-cg", "--protocol", "paper", "--iterations", "9"];
    let finished = run(Launch::Alone, &[&args[..], &["--csv", &csv, "--json", &rows, "--plot", &charts]].concat());
    assert!(finished.code == Some(1) && finished.stderr.contains("a.csv: cannot write it: "), "{finished:?}");
    let rows = json(&rows);
    let names: Vec<&str> = (0..2).map(|k| rows["rows"][k]["matrix"].as_str().expect("a name")).collect();
    assert!(names[0].ends_with("_fine_a.mtx") && names[1].ends_with("_coarse_a.mtx"), "{names:?}");
    for name in names {
        for kind in ["error.svg", "error.png", "residual.svg", "residual.png"] {
            let chart = format!("{charts}/{name}-none-{kind}");
            assert!(std::path::Path::new(&chart).exists(), "{chart}");
        }
    }
}

/// As root, on a file system of 64 KiB of its own.
#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_said_and_the_old_file_stays() {
    let folder = Folder::new("full disk");
    let disk = folder.path("disk");
    std::fs::create_dir(&disk).expect("a folder");
    let mount = std::process::Command::new("mount").args(["-t", "tmpfs", "-o", "size=64k", "tmpfs", &disk]).output();
    if !mount.is_ok_and(|done| done.status.success()) {
        return crate::common::not_tested("a full disk: only root can mount one");
    }
    let output = format!("{disk}/x.mtx");
    std::fs::write(&output, "old").expect("there is room");
    let finished: Vec<_> = both(4)
        .into_iter()
        .map(|how| run(how, &["poisson", "-n", "100", "--rtol", "1e-2", "--output", &output]))
        .collect();
    let left = std::fs::read_dir(&disk).expect("the disk").count();
    let old = std::fs::read_to_string(&output);
    let unmounted = std::process::Command::new("umount").arg(&disk).status();
    for finished in finished {
        let errors = finished.stderr.lines().filter(|line| line.starts_with("halocg: error:")).count();
        assert!(finished.code == Some(1) && errors == 1, "{finished:?}");
        assert!(finished.stderr.contains("cannot write it: No space left on device"), "{finished:?}");
    }
    assert_eq!((old.expect("the old file"), left), ("old".to_string(), 1));
    assert!(unmounted.is_ok_and(|status| status.success()));
}

#[test]
fn files_that_would_overwrite_each_other_are_refused_before_the_solve() {
    let folder = Folder::new("collisions");
    let plate = read(&mesh("plate_hole.mtx"));
    let a = folder.write("a.mtx", plate.clone());
    let same = folder.path("same");
    let dotted = same.replace("/same", "/./same");
    for how in both(2) {
        for (options, says) in [
            (["--checkpoint", &a, "--history", &same], "is the matrix's as well"),
            (["--output", &a, "--history", &same], "is the matrix's as well"),
            (["--output", &same, "--checkpoint", &dotted], "is --output's as well"),
        ] {
            let finished = run(how, &[&["solve", &a, "--max-it", "5"], &options[..]].concat());
            assert_eq!(finished.code, Some(2), "{how:?} {finished:?}");
            assert!(finished.stderr.contains(says), "{how:?} {finished:?}");
            assert!(finished.stdout.is_empty() && read(&a) == plate, "{how:?} {options:?}");
        }
    }
}

/// Whoever sends messages to a full disk still gets the solution, and the exit code that says what happened; a summary
/// that is lost is one of the things that can happen.
#[cfg(target_os = "linux")]
#[test]
fn messages_that_cannot_be_written_cost_nothing() {
    let folder = Folder::new("full");
    let x = folder.path("x.mtx");
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").expect("/dev/full");
    let mut command = std::process::Command::new(crate::common::halocg());
    command.args(["poisson", "-n", "20", "--checkpoint", "/dev/full", "--checkpoint-every", "5it", "-o", &x]);
    let status = command.stderr(full()).stdout(Stdio::null()).status().expect("a run");
    assert_eq!((status.code(), read(&x).lines().count() > 400), (Some(0), true));
    std::fs::remove_file(&x).expect("just written");
    let lost = |args: &[&str]| {
        let mut command = std::process::Command::new(crate::common::halocg());
        let done = command.args(args).stdout(full()).stderr(Stdio::piped()).output().expect("a run");
        let errors = String::from_utf8_lossy(&done.stderr).into_owned();
        let errors: Vec<&str> = errors.lines().filter(|line| line.starts_with("halocg: error")).collect();
        assert!(errors.len() == 1 && errors[0].contains("standard output: cannot write"), "{args:?} {errors:?}");
        assert_eq!(done.status.code(), Some(1), "{args:?}");
    };
    lost(&["poisson", "-n", "20", "--threads", "3", "-o", &x]);
    assert!(read(&x).lines().count() > 400, "x is written all the same");
    lost(&["info", &mesh("plate_hole.mtx")]);
    lost(&["compare", "poisson", "-n", "9", "--threads", "2"]);
    lost(&["compare", "model", "-n", "20", "--solvers", "hs-cg"]);
    lost(&["completions", "bash"]);
    lost(&["partition", &mesh("plate_hole.mtx"), "--parts", "3"]);
    // Nobody reads any more: no reason to complain.
    for args in [&["poisson", "-n", "20"][..], &["completions", "bash"]] {
        let mut command = std::process::Command::new(crate::common::halocg());
        let mut child = command.args(args).stdout(Stdio::piped()).spawn().expect("a run");
        drop(child.stdout.take());
        assert_eq!(child.wait().expect("it ends").code(), Some(0));
    }
    let mut command = std::process::Command::new(crate::common::halocg());
    let damaged = folder.write("damaged.mtx", "no matrix");
    let status = command.args(["solve", &damaged]).stderr(full()).status().expect("a run");
    assert_eq!(status.code(), Some(3));
}
