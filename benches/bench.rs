//! Time per iteration of methods, formats and schedules, and of the kernels under them, beside the
//! memory bandwidth of the machine measured in the same run. `make bench` runs it.
//!
//! Every case is timed once per round, all of them in turn, so that whatever else the machine does
//! meets all alike; figures are medians over the rounds. Ranks are threads.
//!
//! ```text
//! bench [--rounds N] [--ranks 1,2] [--quick] [--only TEXT] [--matrix FILE] [--json FILE] [--markdown FILE]
//! bench --ratios BASE.json... -- NEW.json...
//! ```
//!
//! `--ratios` ends with 1 if anything has become slower beyond the spread of both sides.

use halocg::comm::Comm;
use halocg::comm::measure::{median, timed};
use halocg::distributed::{Halo, rows_to_owners};
use halocg::krylov::{self, Preconditioning};
use halocg::operator::{DistMatrix, FORMATS, Format, MatrixOptions, Operator, Schedule};
use halocg::partition::{self, Owners, Partition};
use halocg::performance::kernels::{Stream, Streams, Updates, iteration};
use halocg::performance::processor;
use halocg::preconditioner;
use halocg::problem::{self, Problem, Rows, Source, Stencil};
use halocg::vector::{Partial, Summation};
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use std::hint::black_box;
use std::path::PathBuf;

#[global_allocator]
static ALLOCATOR: halocg::memory::HugePages = halocg::memory::HugePages;

/// Iterations per timing, at least.
const ITERATIONS: u64 = 20;
/// Numbers per array and rank of the bandwidth tests: out of every cache, and in the second level.
const LARGE: usize = 8 << 20;
const SMALL: usize = 8 << 10;

/// A measured case.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Line {
    problem: String,
    case: String,
    ranks: usize,
    rows: u64,
    /// Bytes per row that must be moved, by the model; 0 where there is none.
    model_bytes: f64,
    /// Nanoseconds per row of the whole problem: of a pass for a kernel, of an iteration for a method.
    nanoseconds: Vec<f64>,
}

impl Line {
    fn median(&self) -> f64 {
        median(&self.nanoseconds)
    }

    fn gigabytes_per_second(&self) -> f64 {
        self.model_bytes / self.median()
    }
}

/// Everything of one run.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Report {
    schema: String,
    machine: String,
    processors: usize,
    rounds: usize,
    lines: Vec<Line>,
}

struct Arguments {
    rounds: usize,
    ranks: Vec<usize>,
    quick: bool,
    /// Problems whose name contains it.
    only: String,
    /// A file to measure besides.
    matrix: Option<PathBuf>,
    json: Option<PathBuf>,
    markdown: Option<PathBuf>,
}

fn main() {
    // cargo bench adds --bench.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    if words.first().is_some_and(|word| word == "--ratios") {
        return ratios(&words[1..]);
    }
    let arguments = parse(&words);
    let mut report = Report {
        schema: "halocg-bench/1".into(),
        machine: machine(),
        processors: std::thread::available_parallelism().map_or(1, usize::from),
        rounds: arguments.rounds,
        lines: Vec::new(),
    };
    for &ranks in &arguments.ranks {
        report.lines.extend(bandwidth(ranks, arguments.rounds));
        if ranks > 1 {
            report.lines.extend(latency(ranks, arguments.rounds));
        }
        let mut cases: Vec<(String, Case)> =
            problems(arguments.quick).into_iter().map(|(name, grid)| (name.into(), Case::Grid(grid))).collect();
        if let Some(path) = &arguments.matrix {
            let name = path.file_stem().unwrap_or(path.as_os_str()).display().to_string();
            cases.push((name, Case::File(path.clone())));
        }
        let names: Vec<String> = cases.iter().map(|(name, _)| format!("{name:?}")).collect();
        cases.retain(|(name, _)| name.contains(&arguments.only));
        if cases.is_empty() {
            fail(&format!("--only {:?} is in the name of no problem: {}", arguments.only, names.join(", ")));
        }
        for (name, case) in cases {
            eprintln!("{name}, {ranks} ranks");
            report
                .lines
                .extend(Comm::threads(ranks, |comm| measure(comm, &name, &case, arguments.rounds)).swap_remove(0));
        }
    }
    let markdown = table(&report);
    println!("{markdown}");
    let write =
        |path: &PathBuf, text: &str| std::fs::write(path, text).unwrap_or_else(|e| fail(&format!("{path:?}: {e}")));
    if let Some(path) = &arguments.markdown {
        write(path, &markdown);
    }
    if let Some(path) = &arguments.json {
        write(path, &serde_json::to_string_pretty(&report).expect("a report is plain data"));
    }
}

/// The processor, its caches, the memory, and what the program was compiled with, as far as Linux tells.
fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let caches = (0..).map(|index| format!("/sys/devices/system/cpu/cpu0/cache/index{index}"));
    let caches = caches.map(|at| ["level", "type", "size"].map(|what| read(&format!("{at}/{what}")).trim().to_owned()));
    let mut words = vec![processor()];
    words.extend(
        caches
            .take_while(|[level, ..]| !level.is_empty())
            .filter(|[_, kind, _]| kind != "Instruction")
            .map(|[level, _, size]| format!("L{level} {size}")),
    );
    let memory = read("/proc/meminfo");
    let memory =
        memory.lines().find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB")?.parse().ok());
    words.extend(memory.map(|kib: f64| format!("memory {:.0} GiB", kib / f64::from(1 << 20))));
    let compiler = std::process::Command::new("rustc").arg("--version").output();
    words.extend(compiler.ok().and_then(|output| Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())));
    words.join(", ")
}

fn fail(message: &str) -> ! {
    eprintln!("bench: {message}");
    std::process::exit(2)
}

fn parse(words: &[String]) -> Arguments {
    let mut arguments = Arguments {
        rounds: 7,
        ranks: vec![1, 2],
        quick: false,
        only: String::new(),
        matrix: None,
        json: None,
        markdown: None,
    };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let mut value = || words.next().unwrap_or_else(|| fail(&format!("{word} needs a value")));
        let number = |text: &str| text.parse().ok().filter(|n| *n > 0).unwrap_or_else(|| fail(&format!("{text}?")));
        match word.as_str() {
            "--rounds" => arguments.rounds = number(value()),
            "--ranks" => arguments.ranks = value().split(',').map(number).collect(),
            "--quick" => arguments.quick = true,
            "--only" => arguments.only = value().clone(),
            "--matrix" => arguments.matrix = Some(value().into()),
            "--json" => arguments.json = Some(value().into()),
            "--markdown" => arguments.markdown = Some(value().into()),
            other => fail(&format!("{other}: no such option")),
        }
    }
    arguments
}

/// A grid's matrix, its entries as they are or all different: D A D with a diagonal D.
#[derive(Clone, Copy)]
struct Grid {
    stencil: Stencil,
    is_scaled: bool,
}

/// What is measured.
enum Case {
    Grid(Grid),
    File(PathBuf),
}

impl Case {
    /// A grid goes out in boxes, anything else by METIS.
    fn problem(&self, comm: &Comm) -> (Problem, Partition) {
        match self {
            Case::Grid(grid) => (Problem::Stencil(grid.stencil), Partition::Boxes),
            Case::File(path) => {
                let problem = problem::load(comm, &Source::File(path.clone()));
                (problem.unwrap_or_else(|error| fail(&error.to_string())), Partition::Metis)
            }
        }
    }

    fn rows(&self, comm: &Comm, problem: &Problem, owners: &Owners) -> Rows {
        let mut rows = rows_to_owners(comm, problem, owners);
        if let Case::Grid(Grid { is_scaled: true, .. }) = self {
            let d = |row: u64| 1.0 + (row * 7919 % 1009) as f64 / 2018.0;
            for k in 0..rows.len() {
                for entry in rows.starts[k]..rows.starts[k + 1] {
                    rows.values[entry] *= d(rows.numbers[k]) * d(rows.columns[entry]);
                }
            }
        }
        rows
    }
}

fn problems(quick: bool) -> Vec<(&'static str, Grid)> {
    let grid = |points, dim, size| Grid { stencil: Stencil::new(points, dim, size).expect("a grid"), is_scaled: false };
    let mut problems = vec![
        ("2D 5-point 64^2", grid([64, 64, 1], 2, 5)),
        ("2D 5-point 256^2", grid([256, 256, 1], 2, 5)),
        ("3D 7-point 64^3", grid([64, 64, 64], 3, 7)),
    ];
    if !quick {
        problems.extend([
            ("2D 5-point 1024^2", grid([1024, 1024, 1], 2, 5)),
            ("3D 7-point 128^3", grid([128, 128, 128], 3, 7)),
            ("3D 27-point 96^3", grid([96, 96, 96], 3, 27)),
            ("3D 7-point 128^3, scaled", Grid { is_scaled: true, ..grid([128, 128, 128], 3, 7) }),
        ]);
    }
    problems
}

/// What the memory gives, and what the vector work of an iteration makes of it. The model counts a write once; that of
/// the triad costs a read besides, those of updates in place do not.
fn bandwidth(ranks: usize, rounds: usize) -> Vec<Line> {
    const CASES: [(&str, Stream); 3] =
        [("read", Stream::Read), ("triad", Stream::Triad), ("update in place", Stream::Scale)];
    let measure = |comm: &Comm, name: &'static str, len: usize| {
        let mut streams = Streams::new(len);
        let passes = (LARGE / len).max(1);
        let rows = (len * ranks) as f64;
        let mut times = [const { Vec::new() }; 3];
        for _ in 0..rounds {
            for ((_, stream), times) in CASES.into_iter().zip(&mut times) {
                let seconds = timed(comm, || (0..passes).for_each(|_| streams.pass(stream, len)));
                times.push(1e9 * seconds / rows / passes as f64);
            }
        }
        let line = |case: &str, words: usize, nanoseconds: Vec<f64>| Line {
            problem: format!("bandwidth, {name}"),
            case: case.into(),
            ranks,
            rows: (len * ranks) as u64,
            model_bytes: (words * size_of::<f64>()) as f64,
            nanoseconds,
        };
        let mut lines: Vec<Line> =
            CASES.iter().zip(times).map(|((case, stream), times)| line(case, stream.words(), times)).collect();
        for (case, has_diagonal) in [("none", false), ("jacobi", true)] {
            // As many bytes as the three arrays.
            let len = 3 * len / 11;
            let mut updates = Updates::new(comm, len, has_diagonal);
            let mut times = Vec::new();
            for _ in 0..rounds {
                let seconds = timed(comm, || (0..passes).for_each(|_| updates.pass()));
                times.push(1e9 * seconds / (len * ranks) as f64 / passes as f64);
            }
            lines.push(line(&format!("updates and inner products of pipe-pr-cg {case}"), updates.words(), times));
        }
        lines
    };
    let run = |comm: &Comm| [measure(comm, "out of cache", LARGE), measure(comm, "in cache", SMALL)].concat();
    Comm::threads(ranks, run).swap_remove(0)
}

/// What ranks lose by waiting for each other: nanoseconds per operation, not per row.
fn latency(ranks: usize, rounds: usize) -> Vec<Line> {
    const TIMES: u32 = 2000;
    let measure = |comm: &Comm| {
        // Each rank holds lines of 64 points, and so sends 64 rows to either neighbour.
        let grid = Stencil::new([64, 8 * ranks as u64, 1], 2, 5).expect("a grid");
        let problem = Problem::Stencil(grid);
        let owners = partition::assign(comm, &problem, &Partition::Blocks).expect("blocks are always there");
        let a = DistMatrix::new(comm, grid.n(), rows_to_owners(comm, &problem, &owners), &owners);
        let mut halo = Halo::<2>::new(comm, a.plan());
        let (x, mut words) = (vec![[1.0; 2]; a.layout().len()], [0.0; 5]);
        let mut times = [const { Vec::new() }; 3];
        for _ in 0..rounds {
            let mut exchange = || {
                halo.start(&x);
                black_box(halo.finish());
            };
            let each = |seconds: f64| 1e9 * seconds / f64::from(TIMES);
            times[0].push(each(timed(comm, || (0..TIMES).for_each(|_| comm.sum(&mut words)))));
            times[1].push(each(timed(comm, || (0..TIMES).for_each(|_| exchange()))));
            times[2].push(each(timed(comm, || {
                (0..TIMES).for_each(|_| {
                    let sum = comm.start_sum(&words);
                    exchange();
                    sum.finish(&mut words);
                })
            })));
        }
        let cases = ["a sum of 5 words", "an exchange of 64 pairs per neighbour", "both at the same time"];
        let line = |(case, nanoseconds): (&str, Vec<f64>)| Line {
            problem: "latency, ns per operation instead of per row".into(),
            case: case.into(),
            ranks,
            rows: 1,
            model_bytes: 0.0,
            nanoseconds,
        };
        cases.into_iter().zip(times).map(line).collect()
    };
    Comm::threads(ranks, measure).swap_remove(0)
}

/// A matrix with its name in the table.
struct Variant {
    name: String,
    a: DistMatrix,
}

fn variants(comm: &Comm, case: &Case) -> Vec<Variant> {
    let (problem, partition) = case.problem(comm);
    let owners = partition::assign(comm, &problem, &partition).unwrap_or_else(|error| fail(&error.to_string()));
    // A format that cannot hold the matrix is left out.
    let assembled = |comm: &Comm, format: &'static Format, schedule| {
        let options = MatrixOptions { format: Some(format), schedule, ..MatrixOptions::default() };
        DistMatrix::with_options(comm, problem.n(), case.rows(comm, &problem, &owners), &owners, &options).ok()
    };
    let named = |schedule| if schedule == Schedule::Overlap { "overlap" } else { "one sweep" };
    let mut variants = Vec::new();
    for format in FORMATS {
        for schedule in [Schedule::Overlap, Schedule::OneSweep] {
            let name = format!("{}, {}", format.name, named(schedule));
            // What reproducible sums cost, where a product costs most and where it costs least.
            if ["csr", "runs"].contains(&format.name)
                && let Some(a) = assembled(&comm.reproducible(), format, schedule)
            {
                variants.push(Variant { name: format!("{name}, reproducible"), a });
            }
            variants.extend(assembled(comm, format, schedule).map(|a| Variant { name, a }));
        }
    }
    variants
}

fn measure(comm: &Comm, name: &str, case: &Case, rounds: usize) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    let mut variants = variants(comm, case);
    let rows = variants[0].a.layout().n();
    let n = rows as f64;
    let mut add = |round: usize, at: &mut usize, case: String, bytes: f64, seconds: f64| {
        if round == 0 {
            let nanoseconds = Vec::with_capacity(rounds);
            lines.push(Line { problem: name.into(), case, ranks: comm.size(), rows, model_bytes: bytes, nanoseconds });
        }
        lines[*at].nanoseconds.push(seconds * 1e9 / n);
        *at += 1;
    };
    for round in 0..rounds {
        let mut at = 0;
        for Variant { name, a } in &mut variants {
            let len = a.layout().len();
            let per_row =
                |a: &DistMatrix, vectors| comm.reduced(halocg::comm::Op::Sum, a.bytes_per_pass(vectors)) as f64 / n;
            // Alike on all ranks: products are collective.
            let repeat = (200_000 * comm.size() as u64 / rows).clamp(1, 50);
            let mut pairs = vec![[1.0; 2]; len];
            let is_reproducible = a.layout().comm().summation() == Summation::Reproducible;
            if is_reproducible {
                // Its products are those of the other.
            } else if let Some(sweep) = a.one_sweep() {
                sweep.exchange_summing(&pairs, &mut [Partial::Plain(0.0)]);
                let seconds = timed(comm, || {
                    (0..repeat).for_each(|_| {
                        sweep.sweep(&mut pairs, &mut |_, _, y| {
                            black_box(y);
                        })
                    })
                });
                // The pair is read; nothing is written.
                let bytes = per_row(a, 1);
                add(round, &mut at, format!("sweep without updates: {name}"), bytes, seconds / repeat as f64);
            } else {
                let (x, mut y) = (vec![1.0; len], vec![0.0; len]);
                let seconds = timed(comm, || (0..repeat).for_each(|_| a.apply(&x, &mut y)));
                add(round, &mut at, format!("product: {name}"), per_row(a, 1), seconds / repeat as f64);
                let mut products = pairs.clone();
                let seconds = timed(comm, || (0..repeat).for_each(|_| a.apply_pair(&pairs, &mut products)));
                add(round, &mut at, format!("pair of products: {name}"), per_row(a, 2), seconds / repeat as f64);
            }
            let methods: &[&str] = if a.is_one_sweep() {
                &["pipe-pr-cg"]
            } else if is_reproducible {
                &["hs-cg", "pipe-pr-cg"]
            } else {
                &["hs-cg", "pipe-pr-cg", "pr-cg", "gv-cg", "pipe-p-cg"]
            };
            for (method, pc) in methods.iter().flat_map(|method| ["none", "jacobi"].map(|pc| (*method, pc))) {
                if pc == "jacobi" && !matches!(method, "hs-cg" | "pipe-pr-cg") {
                    continue;
                }
                let mut m = preconditioner::Kind::named(pc).expect("in the table").build(a).expect("a grid allows it");
                let kind = krylov::Kind::named(method).expect("in the table");
                let per_rank = (200_000 * comm.size() as u64 / rows).clamp(1, 40);
                let seconds = iteration(a, m.as_mut(), kind, ITERATIONS * per_rank);
                // Beside the matrix: what the vectors of a row must move, each read and written once per pass.
                let with = if pc == "none" { Preconditioning::None } else { Preconditioning::Diagonal };
                let bytes = per_row(a, 0) + 8.0 * f64::from(kind.cost.words_per_row(with, a.is_one_sweep()));
                add(round, &mut at, format!("{method} {pc}: {name}"), bytes, seconds);
            }
        }
    }
    lines
}

fn table(report: &Report) -> String {
    let mut text = format!(
        "{}; {} processors; medians of {} rounds. ns per row of the whole problem; GB/s by the byte model, all ranks \
         together, and as a share of what an update in place moves out of cache (more than all of it where the caches help).\n",
        report.machine, report.processors, report.rounds
    );
    let mut group = (String::new(), 0);
    for line in &report.lines {
        if group != (line.problem.clone(), line.ranks) {
            group = (line.problem.clone(), line.ranks);
            let ranks = line.ranks;
            let _ = write!(text, "\n**{}, {} rank{}**\n\n", line.problem, ranks, if ranks == 1 { "" } else { "s" });
            text += "| case | ns/row | spread | bytes/row | GB/s | of update |\n|---|---|---|---|---|---|\n";
        }
        let roof = report.lines.iter().find(|roof| {
            (roof.problem.as_str(), roof.case.as_str(), roof.ranks)
                == ("bandwidth, out of cache", "update in place", line.ranks)
        });
        let (low, high) =
            line.nanoseconds.iter().fold((f64::INFINITY, 0.0_f64), |(low, high), &t| (low.min(t), high.max(t)));
        let _ = write!(text, "| {} | {:.2} | {low:.2} to {high:.2} | ", line.case, line.median());
        let _ = match roof {
            Some(roof) if line.model_bytes > 0.0 => {
                let rate = line.gigabytes_per_second();
                let share = 100.0 * rate / roof.gigabytes_per_second();
                writeln!(text, "{:.1} | {rate:.1} | {share:.0} % |", line.model_bytes)
            }
            _ => writeln!(text, "| | |"),
        };
    }
    text
}

/// Two sets of reports, taken in turn: the medians of the second over those of the first.
fn ratios(words: &[String]) {
    let read = |path: &String| -> Report {
        let text = std::fs::read_to_string(path).unwrap_or_else(|error| fail(&format!("{path}: {error}")));
        serde_json::from_str(&text).unwrap_or_else(|error| fail(&format!("{path}: {error}")))
    };
    let mut sets = words.split(|word| word == "--").map(|set| set.iter().map(read).collect::<Vec<_>>());
    let (Some(base), Some(new)) = (sets.next(), sets.next()) else { fail("--ratios BASE.json... -- NEW.json...") };
    let all = |set: &[Report], like: &Line| {
        let same = |line: &&Line| (&line.problem, &line.case, line.ranks) == (&like.problem, &like.case, like.ranks);
        let lines = set.iter().flat_map(|report| &report.lines).filter(same);
        lines.flat_map(|line| line.nanoseconds.clone()).collect::<Vec<_>>()
    };
    println!("| problem | ranks | case | base ns/row | new ns/row | new / base | |\n|---|---|---|---|---|---|---|");
    let mut verdicts = [0; 3];
    for line in base.first().map_or(&[][..], |report| &report.lines) {
        if all(&new, line).is_empty() {
            println!("| {} | {} | {} | {:.2} | – | – | gone |", line.problem, line.ranks, line.case, line.median());
        }
    }
    for line in new.first().map_or(&[][..], |report| &report.lines) {
        let Line { problem, case, ranks, .. } = line;
        let (mut before, mut after) = (all(&base, line), all(&new, line));
        if before.is_empty() {
            println!("| {problem} | {ranks} | {case} | – | {:.2} | – | new |", median(&after));
            continue;
        }
        let ratio = median(&after) / median(&before);
        let verdict = verdict(&mut before, &mut after, ratio);
        verdicts[verdict as usize] += 1;
        println!(
            "| {problem} | {ranks} | {case} | {:.2} | {:.2} | {ratio:.2} | {} |",
            median(&before),
            median(&after),
            ["", "faster", "slower"][verdict as usize]
        );
    }
    let [same, faster, slower] = verdicts;
    if same + faster + slower == 0 {
        fail("the two have no case in common");
    }
    println!("\n{same} as before within the spread, {faster} faster, {slower} slower");
    if slower > 0 {
        std::process::exit(1);
    }
}

#[derive(Clone, Copy)]
enum Verdict {
    Same,
    Faster,
    Slower,
}

/// Slower or faster is what differs by more than a twentieth, and the middle halves of whose times do not overlap.
fn verdict(before: &mut [f64], after: &mut [f64], ratio: f64) -> Verdict {
    const LEAST: f64 = 1.05;
    let middle = |times: &mut [f64]| {
        times.sort_by(f64::total_cmp);
        (times[times.len() / 4], times[times.len() - 1 - times.len() / 4])
    };
    let ((before_low, before_high), (after_low, after_high)) = (middle(before), middle(after));
    if ratio > LEAST && after_low > before_high {
        Verdict::Slower
    } else if ratio < 1.0 / LEAST && after_high < before_low {
        Verdict::Faster
    } else {
        Verdict::Same
    }
}
