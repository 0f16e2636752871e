//! What a run says of itself: the summary, `--view`, `--log-view`, progress, the page of `--report`.

use crate::common::{HAS_MPI, Launch, RANKS, finish, halocg, limited, not_tested};
use crate::support::*;
use serde_json::Value;

/// Every number of ranks, on threads and under mpirun.
fn everywhere() -> impl Iterator<Item = Launch> {
    let threads = RANKS.into_iter().map(Launch::Threads);
    let mpi = RANKS.into_iter().map(Launch::Mpirun).take(if HAS_MPI { RANKS.len() } else { 0 });
    [Launch::Alone].into_iter().chain(threads).chain(mpi)
}

/// Runs with `--json`; what is printed, and what the file says.
fn told(how: Launch, args: &[&str]) -> (String, Value) {
    let folder = Folder::new(&unique("told"));
    let path = folder.path("run.json");
    let finished = run(how, &[args, &["--json", &path]].concat());
    assert_eq!((finished.code, finished.stderr.as_str()), (Some(0), ""), "{how:?} {args:?}: {finished:?}");
    (finished.stdout, json(&path))
}

/// The first number behind `name` at the beginning of a line, which must be there once.
fn figure(text: &str, name: &str) -> f64 {
    let lines: Vec<&str> = text.lines().filter_map(|line| line.trim_start().strip_prefix(name)).collect();
    let [line] = lines[..] else { panic!("{} lines of {name:?} in {text}", lines.len()) };
    let word = line.split_whitespace().next().expect("a figure");
    word.trim_end_matches(',').parse().unwrap_or_else(|_| panic!("no figure behind {name:?}: {line}"))
}

#[test]
fn the_summary_is_short_and_a_view_adds_to_it() {
    let plate = mesh("plate_hole.mtx");
    for how in [Launch::Alone].into_iter().chain(both(3)) {
        let plain = told(how, &["solve", &plate]).0;
        let is_own = |line: &&str| !line.starts_with("written "); // as long as the names of the files
        assert!(plain.lines().filter(is_own).count() <= 10, "{plain}");
        assert!(plain.lines().filter(is_own).all(|line| line.chars().count() <= 100), "{plain}");
        let (text, run) = told(how, &["solve", &plate, "--view", "--max-it", "4321"]);
        for option in ["max-it", "rtol", "check-health"] {
            let value = run["options"][option][0].as_str().expect("a text");
            let found = text.lines().any(|line| line.split_whitespace().eq([option, value]));
            assert!(found, "no {option} {value} in {text}");
        }
        assert_eq!(figure(&text, "max-it"), 4321.0);
        // The format, why, and what the other would take.
        let [csr, sell] = ["csr", "sell"].map(|name| number(&run, &format!("/storage/bytes_per_row_by_format/{name}")));
        assert!(
            text.contains(&format!("storage      sell, {:.1} bytes per row", number(&run, "/storage/bytes_per_row")))
        );
        assert!(text.contains(&format!("csr {csr:.1}, sell {sell:.1}\n")), "{text}");
        for line in ["partition    metis (below", "  nonzeros   ", "memory       per rank", "spectrum     "] {
            assert_eq!(text.matches(line).count(), 1, "{line:?} in {text}");
        }
        assert!(!plain.contains("memory") && !plain.contains("  nonzeros") && !plain.contains("of bandwidth"));
    }
}

#[test]
fn memory_is_what_matrix_and_vectors_take() {
    for how in everywhere() {
        // Four rows: not for every rank.
        for n in ["60", "2"] {
            let (text, run) = told(how, &["poisson", "-n", n, "--format", "csr", "--solver", "hs-cg", "--view"]);
            let (ranks, rows) = (number(&run, "/machine/ranks"), number(&run, "/problem/rows"));
            let total = |of: &str| ranks * number(&run, &format!("/memory/{of}_bytes/avg"));
            // b, x, r, p, s.
            assert!((total("vector") - 5.0 * 8.0 * rows).abs() < 1e-3, "{how:?} {run:#}");
            let matrix = number(&run, "/storage/bytes_per_row") * rows;
            assert!((total("matrix") - matrix).abs() < 1e-6 * matrix, "{how:?} {run:#}");
            assert!(number(&run, "/memory/peak_bytes/min") > number(&run, "/memory/matrix_bytes/max"));
            assert_eq!(text.matches("\n  peak ").count(), 1, "{text}");
        }
    }
}

#[test]
fn the_log_adds_up_on_every_engine_and_method() {
    for how in everywhere() {
        for args in [
            &["solve", &mesh("plate_hole.mtx"), "--schedule", "overlap"][..],
            &["poisson", "-n", "2"],
            &["poisson", "-n", "40", "--matrix-free"],
            &["poisson", "-n", "40", "--solver", "hs-cg", "--pc", "chebyshev"],
            &["model", "-n", "50"],
        ] {
            let (text, run) = told(how, &[args, &["--log-view"]].concat());
            let share = |line: &str| -> f64 {
                let share = line.split('%').next().and_then(|before| before.split_whitespace().last());
                share.expect("a share").parse().expect("a number")
            };
            let of_solve: Vec<&str> = text
                .lines()
                .skip_while(|line| !line.starts_with("solve "))
                .skip(1)
                .take_while(|line| line.starts_with(' '))
                .collect();
            let (whole, parts) = of_solve.split_last().expect("phases");
            let sum: f64 = parts.iter().map(|line| share(line)).sum();
            assert!(whole.starts_with("  whole") && share(whole) == 100.0, "{text}");
            // Each share is rounded to a tenth; all ranks do not take equally long.
            assert!((sum - 100.0).abs() < 1.0, "{how:?} {args:?}: {sum} {text}");
            for name in ["product", "sum", "other", "exposed", "hidden", "preconditioner", "load", "vectors"] {
                assert!(text.lines().any(|line| line.trim_start().starts_with(name)), "no {name} in {text}");
            }
            assert_eq!(figure(&text, "sums"), number(&run, "/traffic/sums"), "{text}");
            let messages = number(&run, "/traffic/messages_per_iteration");
            assert!((figure(&text[text.find("words per").expect("sums")..], "exchange") - messages).abs() <= 0.0501);

            let rate = |at: &str| number(&run, &format!("/bandwidth/{at}gigabytes_per_second"));
            assert!(rate("") > 0.0 && rate("memory_") > 0.0, "{run:#}");
            assert_eq!(number(&run, "/bandwidth/memory_working_set_bytes"), f64::from(1 << 26));
            let product = &run["phases"][0];
            let bytes = number(product, "/gigabytes_per_second") * number(product, "/seconds/max");
            assert!(bytes > 0.0, "{run:#}");
            let line = parts.iter().find(|line| line.starts_with("  product")).expect("products");
            let shown: f64 = line.split_whitespace().rev().nth(1).expect("a share").parse().expect("a number");
            let expected = 100.0 * number(product, "/gigabytes_per_second") / rate("");
            assert!((shown - expected).abs() <= 0.501, "{line}: {expected}");
        }
    }
}

/// Bytes that can be counted by hand: p ← r + βp and x, r ← ..., nine words per row and iteration.
#[test]
fn the_rate_of_vectors_is_that_of_the_methods_own_words() {
    for how in both(3) {
        let run = run_json(how, &["poisson", "-n", "50", "--solver", "hs-cg"], 0);
        assert!(run["bandwidth"].is_null(), "measured only if asked for");
        let vectors = &run["phases"][4];
        assert_eq!(vectors["name"], "vectors");
        let bytes = 1e9 * number(vectors, "/gigabytes_per_second") * number(vectors, "/seconds/max");
        let expected = 9.0 * 8.0 * 2500.0 * number(&run, "/outcome/iterations");
        assert!((bytes / expected - 1.0).abs() < 1e-9, "{bytes} {expected}");
        // The phases without a model of their bytes.
        assert!([1, 2, 3].iter().all(|&phase| run["phases"][phase]["gigabytes_per_second"].is_null()));
    }
}

/// On a terminal a line tells how far the solve is, and is gone at the end; in a pipe there is none.
#[test]
fn progress_on_a_terminal_only() {
    let words = "poisson -n 500 --dim 2 --max-it 100000";
    let in_a_pipe = run(Launch::Alone, &words.split(' ').collect::<Vec<_>>());
    assert_eq!((in_a_pipe.code, in_a_pipe.stderr.as_str()), (Some(0), ""));
    let mut command = limited();
    // util-linux' script runs a command on a terminal of its own.
    command.args(["script", "-qec", &format!("'{}' {words}", halocg().display()), "/dev/null"]);
    let finished = finish(command);
    if finished.code == Some(127) {
        return not_tested("progress on a terminal: there is no `script`");
    }
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let shown: Vec<&str> = finished.stdout.split("\r\u{1b}[K").collect();
    assert!(shown.iter().any(|line| line.starts_with("iteration ") && line.contains("||r||/||b||")), "{finished:?}");
    assert!(shown.iter().any(|line| line.contains(" iterations and ") && line.ends_with(" to go")), "{finished:?}");
    assert!(shown.last().is_some_and(|last| last.contains("converged")), "the line is cleared before the summary");
}

/// The page and its JSON file, on any ranks; nothing in it comes from elsewhere.
#[test]
fn a_page_is_complete_in_itself() {
    let folder = Folder::new(&unique("a page"));
    // A name that would be markup if it were not escaped.
    let matrix = folder.write("<b>&.mtx", std::fs::read(mesh("plate_hole.mtx")).expect("a matrix"));
    for how in everywhere() {
        let report = folder.path("made/by halocg");
        let finished = run(how, &["solve", &matrix, "--pc", "jacobi", "--report", &report]);
        assert_eq!((finished.code, finished.stderr.as_str()), (Some(0), ""), "{how:?}");
        let (page, facts) = (read(&format!("{report}/report.html")), json(&format!("{report}/run.json")));
        assert!(facts["schema"].as_str().is_some_and(|schema| schema.starts_with("halocg-run/")));
        for what in ["CONVERGED_RTOL", "6 240", "&lt;b&gt;&amp;.mtx", "data:image/png;base64,iVBOR", "<svg", "--rtol"] {
            assert!(page.contains(what), "{how:?}: no {what}");
        }
        let several = number(&facts, "/machine/ranks") > 1.0;
        assert_eq!(page.matches("<svg").count(), 1 + usize::from(several), "{how:?}");
        assert_eq!(page.contains("Who sends how many words to whom."), several, "{how:?}");
        shows_phases(&page, &facts);
        shows_partition(&page, &facts);
        shows_origin(&page, &facts, how);
        // The names of namespaces are no addresses.
        let rest = page.replace("http://www.w3.org/2000/svg", "");
        for foreign in ["http:", "https:", "<script", "<link", "@import", "url(", "<b>&"] {
            assert!(!rest.contains(foreign), "{how:?}: {foreign}");
        }
        for tag in ["section", "table", "tr", "td", "div", "figure", "svg", "pre", "p"] {
            let opened = page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count();
            assert_eq!(opened, page.matches(&format!("</{tag}>")).count(), "{how:?}: <{tag}>");
        }
        std::fs::remove_dir_all(&report).expect("the folder was made");
    }
}

/// The part of a page under a heading.
fn under<'a>(page: &'a str, heading: &str) -> &'a str {
    let rest = page.split_once(&format!("<h2>{heading}</h2>")).unwrap_or_else(|| panic!("no {heading}")).1;
    rest.split_once("</section>").expect("an end").0
}

/// A bar for each phase that took time, and one for the rest; together they are as long as the solve.
fn shows_phases(page: &str, facts: &Value) {
    let text = under(page, "Where the time went");
    let phases = facts["phases"].as_array().expect("phases").iter().filter(|phase| number(phase, "/seconds/max") > 0.0);
    let names: Vec<&str> = phases.map(|phase| phase["name"].as_str().expect("a name")).chain(["other"]).collect();
    assert!(names.contains(&"product") || names.contains(&"sweep"), "{names:?}");
    for name in &names {
        assert_eq!(text.matches(&format!("<tr><td>{name}</td>")).count(), 1, "{name} in {text}");
    }
    let bars = text.split("<td class=\"bar\"><i style=\"width:").skip(1);
    let widths: Vec<f64> = bars.map(|bar| bar.split('%').next().expect("a width").parse().expect("a number")).collect();
    assert_eq!(widths.len(), names.len(), "{text}");
    // Each is rounded to a tenth; all ranks do not take equally long.
    assert!((widths.iter().sum::<f64>() - 100.0).abs() < 1.5, "{widths:?}");
}

fn shows_partition(page: &str, facts: &Value) {
    let text = under(page, "Matrix and distribution");
    let cut = grouped(number(facts, "/partition/edge_cut"));
    let imbalance = number(facts, "/partition/imbalance");
    let line = format!("<p>Partition: metis, imbalance {imbalance:.3} by nonzeros, edge cut {cut}.</p>");
    assert!(text.contains(&line), "no {line} in {text}");
    for (name, field) in [("rows", "rows"), ("ghost rows", "ghost_rows"), ("neighbours", "neighbours")] {
        let cell = |of: &str| {
            format!("<td class=\"n\">{}</td>", grouped(number(facts, &format!("/partition/{field}/{of}")).round()))
        };
        let row = format!("<tr><td>{name}</td>{}</tr>", ["min", "avg", "max"].map(cell).concat());
        assert!(text.contains(&row), "no {row} in {text}");
    }
}

/// A number with its thousands set apart.
fn grouped(number: f64) -> String {
    match number as u64 {
        small @ ..1000 => small.to_string(),
        large => format!("{} {:03}", grouped((large / 1000) as f64), large % 1000),
    }
}

/// Where and when, and a command line that makes the same run.
fn shows_origin(page: &str, facts: &Value, how: Launch) {
    // Lines break between words only: each is an element.
    let text = under(page, "Environment").replace("<i>", "").replace("</i>", "");
    let origin = |name: &str| facts["origin"][name].as_str().unwrap_or_else(|| panic!("no {name}"));
    let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let (date, time) = origin("started").trim_end_matches('Z').split_once('T').expect("date and time");
    let again = origin("again");
    for what in [
        format!("<td>{date} {time} (UTC)</td>"),
        format!("<td>{}</td>", origin("host")),
        format!("<td>{}, {} to run on</td>", origin("processor"), facts["origin"]["processors"]),
        format!("<td>{}</td>", escaped(origin("folder"))),
        format!("<td>{}</td>", escaped(facts["machine"]["engine"].as_str().expect("an engine"))),
        format!("<pre class=\"wrap\">cd {}\n{}</pre>", escaped(origin("folder")), escaped(again)),
    ] {
        assert!(text.contains(&what), "{how:?}: no {what} in {text}");
    }
    let now = std::process::Command::new("date").args(["-u", "+%Y-%m-%d"]).output().expect("a date").stdout;
    // Midnight may have passed.
    assert!(date <= String::from_utf8_lossy(&now).trim() && time.len() == 8 && date > "2025-01-01", "{date} {time}");
    match how {
        Launch::Alone => assert!(again.starts_with(halocg().to_str().expect("UTF-8")), "{again}"),
        Launch::Threads(ranks) => assert!(again.contains(&format!(" --threads {ranks} solve ")), "{again}"),
        // Where there are more ranks than cores, Open MPI has to be told that this is meant.
        Launch::Mpirun(ranks) => {
            let plain = again.replace(" --oversubscribe", "");
            return assert!(plain.starts_with(&format!("mpirun -n {ranks} /")), "{again}");
        }
    }
    // What is shown is what a shell takes.
    let mut shell = limited();
    shell.args(["sh", "-c", &format!("cd '{}' && {again}", origin("folder"))]);
    let finished = finish(shell);
    assert!(finished.code == Some(0) && finished.stdout.contains("6 240 rows"), "{again}: {finished:?}");
}

/// The line at which a solve ends is that of the greater tolerance: the same picture, whichever is given.
#[test]
fn a_page_shows_the_tolerance_that_ended_the_solve() {
    let folder = Folder::new("tolerances");
    let chart = |options: &[&str]| {
        let report = folder.path("report");
        let finished = run(Launch::Alone, &[&["poisson", "-n", "20", "--report", &report], options].concat());
        assert_eq!(finished.code, Some(0), "{finished:?}");
        let text = read(&format!("{report}/report.html"));
        (
            under(&text, "Convergence").to_string(),
            number(&json(&format!("{report}/run.json")), "/outcome/reference_norm"),
        )
    };
    let (relative, norm) = chart(&["--rtol", "1e-3"]);
    assert!(relative.contains("tolerance"));
    let atol = format!("{:e}", 1e-3 * norm);
    assert!(chart(&["--rtol", "0", "--atol", &atol]).0 == relative, "the absolute one");
    assert!(chart(&["--rtol", "1e-9", "--atol", &atol]).0 == relative, "the greater one");
    assert!(!chart(&["--rtol", "1e-3", "--stop-on", "error-a"]).0.contains("tolerance"), "not of the residual");
}

/// Where the rows have a place that can be drawn, the page shows the solution, and on several ranks who owns what.
#[test]
fn a_page_shows_the_solution_where_it_has_a_place() {
    let folder = Folder::new("solutions");
    let report = folder.path("report");
    for (args, is_drawn) in [
        (&["solve", &mesh("plate.msh")][..], true),
        (&["solve", &mesh("bracket.msh")], true),
        (&["poisson", "-n", "20"], true),
        (&["poisson", "--dim", "3", "-n", "6"], false),
        (&["solve", &mesh("plate_hole.mtx")], false),
    ] {
        for how in [vec![Launch::Alone], both(3)].concat() {
            let picture = folder.path("u.png");
            let png = ["--png", &picture];
            let options = if is_drawn { &png[..] } else { &[] };
            let finished = run(how, &[args, &["--report", &report], options].concat());
            assert_eq!((finished.code, &*finished.stderr), (Some(0), ""), "{how:?} {args:?}");
            let page = read(&format!("{report}/report.html"));
            let count = |what: &str| page.matches(what).count();
            assert_eq!(count("alt=\"the solution\""), usize::from(is_drawn), "{how:?} {args:?}");
            let several = how != Launch::Alone;
            assert_eq!(count("alt=\"which rank owns what\""), usize::from(is_drawn && several), "{how:?} {args:?}");
            assert_eq!(count("<img"), 1 + usize::from(is_drawn) + usize::from(is_drawn && several));
            assert!(page.contains("<h2>Solution</h2>") == is_drawn, "{how:?} {args:?}");
            if is_drawn {
                // The one that --png draws.
                let text = under(&page, "Solution").split_once("base64,").expect("a picture").1;
                let bytes = std::fs::read(&picture).expect("it was drawn");
                assert_eq!(text.find('"'), Some(bytes.len().div_ceil(3) * 4), "{how:?} {args:?}");
            }
        }
    }
}

#[test]
fn a_page_of_the_dense_problem_and_one_that_cannot_be_written() {
    let folder = Folder::new(&unique("no page"));
    let dense = run(Launch::Threads(2), &["model", "-n", "100", "--report", &folder.path("dense")]);
    assert_eq!(dense.code, Some(0), "{dense:?}");
    assert!(!read(&folder.path("dense/report.html")).contains("<img"));
    let in_the_way = folder.write("file", "");
    for how in both(3) {
        for folder in [&in_the_way, &format!("{in_the_way}/x/y")] {
            for args in [
                &["poisson", "-n", "20", "--report", folder][..],
                &["compare", "poisson", "-n", "20", "--plot", folder],
            ] {
                let finished = run(how, args);
                assert_eq!((finished.code, &finished.stdout[..]), (Some(1), ""), "before the solve: {finished:?}");
                assert_eq!(finished.stderr.matches("cannot make the folder").count(), 1, "{finished:?}");
            }
        }
        // Whatever cannot be written, the other files are.
        let [history, drawn, whole, made] = ["h.csv", "u.png", "run.json", "made"].map(|name| folder.path(name));
        let [vector, in_vain, picture] = ["full.mtx", "full.csv", "full.png"].map(|name| folder.path(name));
        for link in [&vector, &in_vain, &picture] {
            let _ = std::fs::remove_file(link);
            std::os::unix::fs::symlink("/dev/full", link).expect("a link");
        }
        let options = ["--output", &vector, "--history", &in_vain, "--png-partition", &picture, "--png", &drawn];
        let finished =
            run(how, &[&["poisson", "-n", "20", "--json", &whole, "--report", &made], &options[..]].concat());
        assert_eq!((finished.code, finished.stderr.matches("halocg: error").count()), (Some(1), 1), "{finished:?}");
        let pages = ["report.html", "run.json"].map(|name| format!("{made}/{name}"));
        let named = format!("written      {whole}, {drawn}, {}\n", pages.join(", "));
        assert!(finished.stdout.ends_with(&named), "{finished:?}");
        let finished = run(how, &["poisson", "-n", "20", "--json", &in_vain, "--history", &history]);
        assert!(
            finished.code == Some(1) && finished.stdout.ends_with(&format!("written      {history}\n")),
            "{finished:?}"
        );
        let [page, for_programs] = pages;
        let written = [drawn, whole, for_programs, page, history];
        for path in written {
            std::fs::remove_file(&path).unwrap_or_else(|error| panic!("{how:?} {path}: {error}"));
        }
    }
}
