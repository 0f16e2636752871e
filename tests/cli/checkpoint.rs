//! Solves that are interrupted, and go on.

use crate::common::{Launch, processes, signal};
use crate::support::*;
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// A history without its last column, which holds times.
fn history(path: &str) -> Vec<String> {
    read(path).lines().map(|line| line.rsplit_once(',').expect("several columns").0.to_string()).collect()
}

fn arguments(more: &str) -> Vec<String> {
    more.split(' ').filter(|word| !word.is_empty()).map(String::from).collect()
}

/// Runs with words; the run must end with `code`. Returns standard output and standard error.
fn ends(how: Launch, words: &[String], code: i32) -> (String, String) {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let finished = run(how, &words);
    assert_eq!(finished.code, Some(code), "{how:?} {words:?}: {finished:?}");
    (finished.stdout, finished.stderr)
}

#[test]
fn a_restarted_solve_has_the_bits_of_one_that_was_not_interrupted() {
    let folder = Folder::new("restart");
    for ranks in [1, 2, 4, 7] {
        for how in both(ranks) {
            for options in ["", "--pc bjacobi --solver gv-cg-rr", "--pc chebyshev --partition blocks --solver hs-cg"] {
                let [x, y, h, i, c] = ["x", "y", "h", "i", "c"].map(|name| folder.path(&unique(name)));
                let with = |more: &[&str]| {
                    let fixed = ["solve", &mesh("plate_hole.mtx"), "--rtol", "1e-9"];
                    let words = fixed.into_iter().chain(options.split(' ').filter(|word| !word.is_empty()));
                    words.chain(more.iter().copied()).map(String::from).collect::<Vec<_>>()
                };
                ends(how, &with(&["-o", &x, "--history", &h, "--checkpoint", &c, "--checkpoint-every", "13it"]), 0);
                let restarted = with(&["-o", &y, "--history", &i, "--restart", &c]);
                let (stdout, stderr) = ends(how, &restarted, 0);
                assert!(stdout.contains("restarted at iteration") && stderr.is_empty(), "{stdout}{stderr}");
                assert_eq!(history(&h), history(&i), "{how:?} {options}");
                assert_eq!(read(&x), read(&y), "{how:?} {options}");
            }
        }
    }
}

#[test]
fn a_solve_goes_on_with_other_ranks() {
    let folder = Folder::new("other ranks");
    let a = Sparse::read(&mesh("plate_hole.mtx"));
    let x = ramp(a.n);
    let rhs = folder.write("b.mtx", vector_text(&a.times(&x)));
    for (options, anew) in [("--pc jacobi", false), ("--pc bjacobi --solver pr-cg", true)] {
        let c = folder.path(&unique("c"));
        let words = |more: &str| {
            let words = format!("--rtol 1e-12 {options} {more}");
            let fixed = ["solve".to_string(), mesh("plate_hole.mtx"), "--rhs".into(), rhs.clone()];
            fixed.into_iter().chain(arguments(&words)).collect::<Vec<_>>()
        };
        let mut first = words("--max-it 40 --checkpoint");
        first.push(c.clone());
        let (stdout, _) = ends(Launch::Threads(3), &first, 4);
        assert!(stdout.contains("to go on") && stdout.contains("--max-it 80 --restart"), "{stdout}");
        for how in [both(2), both(4), vec![Launch::Alone]].concat() {
            let output = folder.path(&unique("x"));
            let (stdout, _) =
                ends(how, &[words("--restart"), vec![c.clone(), "-o".into(), output.clone()]].concat(), 0);
            assert_eq!(stdout.contains("from its x alone"), anew, "{stdout}");
            let far = distance(&read_vector(&output), &x);
            assert!(far < 1e-8, "{options} {how:?}: x is {far:e} away");
        }
    }
}

#[test]
fn a_reproducible_solve_goes_on_with_other_ranks_and_the_same_bits() {
    let folder = Folder::new("reproducible restart");
    let plate = mesh("plate_hole.mtx");
    for options in ["--pc jacobi", "--solver gv-cg-rr", "--pc chebyshev --replace-every 30"] {
        let with = |more: &[&str]| {
            let fixed = ["solve", &plate, "--reproducible", "--rtol", "1e-9"];
            let words = fixed.into_iter().chain(options.split(' ')).chain(more.iter().copied());
            words.map(String::from).collect::<Vec<_>>()
        };
        let [x, h, c] = ["x", "h", "c"].map(|name| folder.path(&unique(name)));
        ends(Launch::Threads(3), &with(&["-o", &x, "--history", &h]), 0);
        ends(Launch::Threads(2), &with(&["--checkpoint", &c, "--max-it", "37"]), 4);
        for how in [both(4), vec![Launch::Alone]].concat() {
            let [y, i] = ["y", "i"].map(|name| folder.path(&unique(name)));
            ends(how, &with(&["-o", &y, "--history", &i, "--restart", &c, "--partition", "blocks"]), 0);
            assert!(read(&h) == read(&i) && read(&x) == read(&y), "{how:?} {options}");
        }
    }
}

#[test]
fn a_damaged_or_foreign_checkpoint_is_refused_in_one_sentence() {
    let folder = Folder::new("damaged");
    let c = folder.path("c");
    let words = arguments;
    ends(Launch::Threads(2), &[words("poisson -n 12 --max-it 9 --checkpoint"), vec![c.clone()]].concat(), 4);
    let bytes = std::fs::read(&c).unwrap();
    let refused = |how: Launch, problem: &str, file: &str, says: &str| {
        let (stdout, stderr) = ends(how, &[words(problem), vec!["--restart".into(), file.into()]].concat(), 3);
        assert!(stdout.is_empty() && stderr.contains(says), "{says}: {stderr}");
        assert!(stderr.starts_with(&format!("halocg: error: {file}: ")), "{stderr}");
        assert_eq!(stderr.lines().filter(|line| line.starts_with("halocg")).count(), 1, "{stderr}");
    };
    // Every word of the head, and places all over the rest.
    let places = (0..100).step_by(3).chain((100..bytes.len()).step_by(bytes.len() / 23)).chain([bytes.len() - 1]);
    for (k, place) in places.enumerate() {
        let mut wrong = bytes.clone();
        wrong[place] ^= 1 << (k % 8);
        let file = folder.write("wrong", wrong);
        refused([Launch::Alone, Launch::Threads(4)][k % 2], "poisson -n 12", &file, "");
    }
    for length in [0, 1, 50, 88, 200, bytes.len() / 2, bytes.len() - 8, bytes.len() - 1] {
        let file = folder.write("short", &bytes[..length]);
        refused(Launch::Threads(3), "poisson -n 12", &file, "");
    }
    let long = folder.write("long", [&bytes[..], b"x"].concat());
    refused(Launch::Alone, "poisson -n 12", &long, "its head announces");
    for how in both(4) {
        refused(
            how,
            "poisson -n 12 --pc jacobi",
            &c,
            "is a checkpoint of pipe-pr-cg with preconditioner none, but this",
        );
        refused(how, "poisson -n 12 --solver m-cg", &c, "but this is m-cg");
        refused(
            how,
            "poisson -n 12 --reproducible",
            &c,
            "none, but this is pipe-pr-cg with preconditioner none, repro",
        );
        refused(how, "poisson -n 12 --rhs ones", &c, "another right-hand side");
        refused(how, "poisson -n 9,16", &c, "another matrix");
        refused(how, "poisson -n 12 --coefficients 1,2", &c, "another matrix");
        refused(how, "poisson -n 12", &mesh("plate_hole.mtx"), "is not a checkpoint");
    }
    ends(Launch::Alone, &words(&format!("poisson -n 12 --restart {}/missing", env!("CARGO_MANIFEST_DIR"))), 1);
    ends(Launch::Alone, &words("poisson -n 12 --checkpoint-every 5it"), 2);
}

/// A solve that takes some seconds, watched by its monitor.
struct Long {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

const LONG: &str = "poisson -n 700 --rtol 1e-9 --monitor --checkpoint-every 300it";

impl Long {
    /// Returns when a few iterations have been taken.
    fn start(how: Launch, words: &[String]) -> Long {
        let mut command = how.command(crate::common::halocg());
        command.args(words).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        lines.find(|line| line.as_ref().is_ok_and(|line| line.starts_with("    12 "))).expect("iterate 12").unwrap();
        Long { child, lines }
    }

    fn finish(mut self) -> (Option<i32>, String, String) {
        let stdout: Vec<String> = self.lines.by_ref().map_while(Result::ok).collect();
        let output = self.child.wait_with_output().expect("an end");
        (output.status.code(), stdout.join("\n"), String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

#[test]
fn signals_and_the_time_limit_end_a_solve_in_order() {
    let folder = Folder::new("signals");
    let reference = folder.path("reference");
    let (how, name) = (Launch::Threads(2), "INT");
    let mut cases = vec![(how, "halocg", name), (how, "halocg", "TERM"), (how, "halocg", "USR1")];
    if crate::common::HAS_MPI {
        // To one rank only; and to the launcher, which passes this one on.
        cases.extend([(Launch::Mpirun(2), "halocg", "TERM"), (Launch::Mpirun(2), "mpirun", "USR1")]);
    }
    let mut whole = None;
    for (how, program, name) in cases {
        let c = folder.path(&unique("c"));
        let (x, y) = (folder.path(&unique("x")), folder.path(&unique("y")));
        let words = |more: &[&str]| {
            let more = more.iter().map(|word| word.to_string());
            arguments(LONG).into_iter().chain(["--checkpoint".into(), c.clone()]).chain(more).collect::<Vec<_>>()
        };
        let long = Long::start(how, &words(&["-o", &x]));
        signal(name, *processes(program, &c).last().expect("a process"));
        let begin = Instant::now();
        let (code, stdout, stderr) = long.finish();
        // MPICH's launcher passes the signal on and then now and then forgets what the ranks ended with.
        let is_forgotten = program == "mpirun" && code == Some(0) && stdout.contains("MPICH");
        assert!(code == Some(4) || is_forgotten, "{how:?} {name}: {code:?} {stdout}{stderr}");
        assert!(begin.elapsed() < Duration::from_secs(20), "at once, more or less");
        assert!(stdout.contains("INTERRUPTED") && stdout.contains(&format!("--restart '{c}'")), "{stdout}");
        assert_eq!(read_vector(&x).len(), 490_000);
        ends(how, &words(&["-o", &y, "--restart", &c]), 0);
        if let (None, Launch::Threads(_)) = (&whole, how) {
            ends(
                how,
                &[arguments(LONG), vec!["-o".into(), reference.clone(), "--checkpoint".into(), c.clone()]].concat(),
                0,
            );
            whole = Some(read(&reference));
        }
        if let Launch::Threads(_) = how {
            assert!(Some(read(&y)) == whole, "{how:?} {name}: the same bits");
        }
    }
}

#[test]
fn the_time_limit_leaves_a_checkpoint_to_go_on_from() {
    let folder = Folder::new("time limit");
    for how in both(3) {
        let [c, x, y] = ["c", "x", "y"].map(|name| folder.path(&unique(name)));
        let words = |more: &[&str]| {
            let more = more.iter().map(|word| word.to_string());
            arguments("poisson -n 90 --rtol 1e-9 --solver pipe-pr-cg").into_iter().chain(more).collect::<Vec<_>>()
        };
        ends(how, &words(&["-o", &x]), 0);
        // Over before the first iterate, however fast the machine.
        let (stdout, _) = ends(how, &words(&["--max-seconds", "0.000001", "--checkpoint", &c]), 4);
        assert!(stdout.contains("TIME_LIMIT") && stdout.contains("to go on"), "{stdout}");
        ends(how, &words(&["--restart", &c, "-o", &y]), 0);
        assert!(read(&x) == read(&y), "{how:?}: the same bits");
    }
}

/// The words of a line as a shell takes them.
fn words_of(line: &str) -> Vec<String> {
    let mut shell = std::process::Command::new("sh");
    let shell = shell.args(["-c", &format!("printf '%s\\n' {line}")]).output().expect("a shell");
    String::from_utf8(shell.stdout).expect("UTF-8").lines().map(String::from).collect()
}

#[test]
fn what_the_summary_says_is_typed_until_the_solve_is_done() {
    let folder = Folder::new("typed on");
    for how in both(2) {
        let [c, x, y] = ["it's c", "x", "y"].map(|name| folder.path(&unique(name)));
        let fixed = arguments("poisson -n 30 --rtol 1e-10 --solver pipe-pr-cg");
        ends(how, &[&fixed[..], &["-o".into(), x.clone()]].concat(), 0);
        let more = ["--max-it", "12", "--checkpoint", &c, "-o", &y].map(String::from);
        let mut line = [fixed, more.to_vec()].concat();
        let mut typed = 0;
        // As threads the number of ranks is among the words of halocg.
        let mut how_typed = how;
        loop {
            let words: Vec<&str> = line.iter().map(String::as_str).collect();
            let finished = run(how_typed, &words);
            if finished.code == Some(0) {
                break;
            }
            assert_eq!(finished.code, Some(4), "{words:?} {finished:?}");
            let lines: Vec<&str> = finished.stdout.lines().collect();
            let at = lines.iter().position(|line| line.starts_with("to go on")).expect("what to type");
            line = words_of(lines[at].trim_start_matches("to go on"));
            if let Launch::Mpirun(ranks) = how {
                assert_eq!(line.drain(..3).collect::<Vec<_>>(), ["mpirun", "-n", &ranks.to_string()]);
            }
            line.remove(0); // the program
            typed += 1;
            if let Launch::Threads(_) = how {
                how_typed = Launch::Alone;
            }
        }
        assert!(typed >= 2, "{how:?}: typed {typed} times");
        assert!(read(&x) == read(&y), "{how:?}: the same bits");
    }
}

/// A limit that is reached at once is a limit like any other.
#[test]
fn a_limit_that_is_reached_already_leaves_a_checkpoint_too() {
    let folder = Folder::new("reached");
    for how in both(2) {
        let [c, d, x, y] = ["c", "d", "x", "y"].map(|name| folder.path(&unique(name)));
        let words = |more: &[&str]| {
            let fixed = ["poisson", "-n", "30", "--rtol", "1e-10"];
            fixed.into_iter().chain(more.iter().copied()).map(String::from).collect::<Vec<_>>()
        };
        ends(how, &words(&["-o", &x]), 0);
        let (stdout, _) = ends(how, &words(&["--max-it", "0", "--checkpoint", &c]), 4);
        assert!(stdout.contains("--max-it 2 --restart"), "{stdout}");
        ends(how, &words(&["--max-it", "12", "--restart", &c, "--checkpoint", &c]), 4);
        let (stdout, _) = ends(how, &words(&["--max-it", "3", "--restart", &c, "--checkpoint", &d]), 4);
        assert!(stdout.contains("--max-it 24 --restart"), "{stdout}");
        ends(how, &words(&["--restart", &d, "-o", &y]), 0);
        assert!(read(&x) == read(&y), "{how:?}: the same bits");
    }
}

/// The upper bound of the error, which ends these solves, depends on it from the first step on.
#[test]
fn a_restart_may_know_another_lambda_min() {
    let folder = Folder::new("lambda min");
    for how in both(2) {
        let [c, h, i] = ["c", "h", "i"].map(|name| folder.path(&unique(name)));
        let words = |more: &[&str]| {
            let fixed = [
                "poisson",
                "-n",
                "30",
                "--rtol",
                "1e-6",
                "--rhs",
                "random",
                "--stop-on",
                "error-a",
                "--error-delay",
                "40",
            ];
            fixed.into_iter().chain(more.iter().copied()).map(String::from).collect::<Vec<_>>()
        };
        ends(how, &words(&["--lambda-min", "1e-3", "--history", &h]), 0);
        for before in [&[][..], &["--lambda-min", "1e-4"]] {
            ends(how, &words(&[before, &["--max-it", "12", "--checkpoint", &c]].concat()), 4);
            ends(how, &words(&["--lambda-min", "1e-3", "--restart", &c, "--history", &i]), 0);
            assert_eq!(history(&h), history(&i), "{how:?} {before:?}");
        }
    }
}

/// Units of a solve with b = 0 are known from its initial guess alone.
#[test]
fn a_solve_from_a_huge_guess_to_zero_is_saved() {
    let folder = Folder::new("from far");
    let matrix = mesh("plate_hole.mtx");
    let n = Sparse::read(&matrix).n;
    let zero = folder.write("zero.mtx", vector_text(&vec![0.0; n]));
    // Some of them by less than what is far from 1, once rounded.
    for size in [1e-200, 1e-63, 4e60, 2e61, 1e200] {
        let guess: Vec<f64> = ramp(n).iter().map(|x| x * size).collect();
        let guess = folder.write("guess.mtx", vector_text(&guess));
        for how in both(2) {
            let [c, x, y] = ["c", "x", "y"].map(|name| folder.path(&unique(name)));
            let words = |more: &[&str]| {
                let fixed = ["solve", &matrix, "--rhs", &zero];
                fixed.into_iter().chain(more.iter().copied()).map(String::from).collect::<Vec<_>>()
            };
            ends(how, &words(&["--x0", &guess, "-o", &x]), 0);
            ends(how, &words(&["--x0", &guess, "--max-it", "9", "--checkpoint", &c]), 4);
            ends(how, &words(&["--restart", &c, "-o", &y]), 0);
            assert!(read(&x) == read(&y), "{how:?} {size:e}: the same bits");
        }
    }
}

/// Where squares of the numbers over- or underflow.
#[test]
fn entries_of_1e150_and_1e_minus_150_are_solved_and_saved() {
    let folder = Folder::new("scales");
    let n = 40;
    for power in ["e150", "e-150"] {
        let mut text = format!("%%MatrixMarket matrix coordinate real symmetric\n{n} {n} {}\n", 2 * n - 1);
        for row in 1..=n {
            text += &format!("{row} {row} 2.1{power}\n");
            if row > 1 {
                text += &format!("{row} {} -1{power}\n", row - 1);
            }
        }
        let matrix = folder.write(&format!("a{power}.mtx"), text);
        for how in both(3) {
            for solver in ["pipe-pr-cg", "hs-cg"] {
                let [c, x] = ["c", "x"].map(|name| folder.path(&unique(name)));
                let words = |more: &[&str]| {
                    let fixed = ["solve", &matrix, "--solver", solver, "--rtol", "1e-12"];
                    fixed.into_iter().chain(more.iter().copied()).map(String::from).collect::<Vec<_>>()
                };
                ends(how, &words(&["--checkpoint", &c, "--max-it", "7"]), 4);
                ends(how, &words(&["--restart", &c, "-o", &x]), 0);
                let one = 1.0 / (n as f64).sqrt();
                let far = read_vector(&x).iter().map(|x| (x / one - 1.0).abs()).fold(0.0, f64::max);
                assert!(far < 1e-9, "{power} {how:?} {solver}: {far:e} away");
            }
        }
    }
}

#[test]
fn a_killed_rank_costs_no_more_than_the_iterations_since_the_last_checkpoint() {
    let folder = Folder::new("killed");
    for how in both(3) {
        let (c, x, y) = (folder.path(&unique("c")), folder.path(&unique("x")), folder.path(&unique("y")));
        // Saved in every other iteration: some kills hit the write.
        let problem = "poisson -n 150 --solver pipe-pr-cg --rtol 1e-9 --checkpoint-every 2it";
        let words = |more: &[&str]| {
            let more = more.iter().map(|word| word.to_string());
            arguments(problem).into_iter().chain(["--checkpoint".into(), c.clone()]).chain(more).collect::<Vec<_>>()
        };
        ends(how, &words(&["-o", &x]), 0);
        std::fs::remove_file(&c).unwrap();
        let mut killed = 0;
        for attempt in 0..40u64 {
            let restart: &[&str] = if std::fs::exists(&c).unwrap() { &["--restart", &c] } else { &[] };
            let mut command = how.command(crate::common::halocg());
            command.args(words(&[&["-o", &y], restart].concat())).stdout(Stdio::null()).stderr(Stdio::null());
            let mut child = command.spawn().expect("the program starts");
            // Only the first few: the last attempt must come to its end.
            let mut appeared = None;
            while killed < 4 && child.try_wait().unwrap().is_none() {
                let running = processes("halocg", &c);
                let since = *appeared.get_or_insert_with(Instant::now);
                if running.is_empty() {
                    appeared = None;
                } else if since.elapsed() > Duration::from_millis(50 + 97 * attempt % 400) {
                    signal("KILL", running[attempt as usize % running.len()]);
                    killed += 1;
                    break;
                }
                std::thread::sleep(Duration::from_millis(5));
            }
            if child.wait().unwrap().success() {
                break;
            }
        }
        assert!(killed > 0, "{how:?}: nothing was killed");
        assert_eq!(read(&x), read(&y), "{how:?}: the bits of a solve that was not killed");
    }
}

#[test]
fn what_saving_took_has_its_name() {
    let folder = Folder::new("saving");
    let [c, page] = ["c.ckpt", "run.json"].map(|name| folder.path(name));
    for how in both(2) {
        let plain = ["poisson", "-n", "60", "--max-it", "40", "--log-view", "--json", &page];
        let finished = run(how, &plain);
        assert!(finished.code == Some(4) && !finished.stdout.contains("checkpoints "), "{finished:?}");
        assert_eq!(number(&json(&page), "/checkpoint/seconds"), 0.0);
        let finished = run(how, &[&plain[..], &["--checkpoint", &c, "--checkpoint-every", "1it"]].concat());
        let spent = number(&json(&page), "/checkpoint/seconds");
        assert!(spent > 0.0 && spent < number(&json(&page), "/outcome/solve_seconds"), "{spent}");
        for words in ["\n  checkpoints  ", "of iteration 40; saving took "] {
            assert_eq!(finished.stdout.matches(words).count(), 1, "{words:?} {finished:?}");
        }
    }
}
