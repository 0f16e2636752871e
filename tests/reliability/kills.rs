//! A rank is killed at a random moment, the solve goes on from its last checkpoint, and so on, fifty times.

use crate::common::{self, Launch, processes, signal};
use crate::flips::Random;
use crate::support::{Folder, distance, mesh, read, read_vector, unique};
use std::fmt::Write as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

const KILLS: u32 = 50;
/// Of one solve; then it is left alone.
const KILLS_OF_ONE: u32 = 5;
const DAMAGED: u64 = 200;
const PROBLEM: &str = "poisson -n 150 --rtol 1e-9";
/// Before every iteration: many of the kills hit the writing of one.
const CHECKPOINTS: [&str; 2] = ["--checkpoint-every", "1it"];
/// Of a solve that goes on with other ranks, whose sums are rounded otherwise: max |x - y| / max |y|.
const CLOSE: f64 = 1e-8;

/// How a solve goes on after its ranks were killed.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    /// With as many ranks: the same bits.
    SameRanks,
    /// With other ranks: the same answer.
    OtherRanks,
    /// With other ranks and `--reproducible`: the same bits.
    Reproducible,
}

struct Round {
    way: Way,
    kills: u32,
    /// Of them, while a checkpoint was being written.
    in_writes: u32,
    restarts: u32,
    /// max |x - y| / max |y| between its answer and that of a solve nobody killed.
    distance: f64,
}

/// Kills and restarts, at most so many times, until the solve has come to its end.
fn round(way: Way, number: u64, most: u32) -> Round {
    let mut random = Random::new(number);
    let folder = Folder::new(&unique("kills"));
    let [c, x, y, h, i] = ["c", "x", "y", "h", "i"].map(|name| folder.path(name));
    let options = if way == Way::Reproducible { "--reproducible --pc jacobi" } else { "--solver pipe-pr-cg" };
    let words = |more: &[&str]| -> Vec<String> {
        let more = more.iter().map(|word| word.to_string());
        PROBLEM.split(' ').chain(options.split(' ')).map(String::from).chain(more).collect()
    };
    let first = 2 + random.below(3) as usize;
    let mut command = Launch::Mpirun(first).command(common::halocg());
    command.args(words(&["-o", &x, "--history", &h]));
    let finished = common::finish(command);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let mut round = Round { way, kills: 0, in_writes: 0, restarts: 0, distance: f64::INFINITY };
    loop {
        let ranks = if way == Way::SameRanks || round.kills == 0 { first } else { 1 + random.below(4) as usize };
        let restart: &[&str] = if std::fs::exists(&c).expect("a folder") { &["--restart", &c] } else { &[] };
        round.restarts += u32::from(!restart.is_empty());
        // Of a write that an earlier kill ended.
        let _ = std::fs::remove_file(format!("{c}.part"));
        let mut command = Launch::Mpirun(ranks).command(common::halocg());
        command.args(words(&["-o", &y, "--history", &i, "--checkpoint", &c])).args(CHECKPOINTS).args(restart);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts");
        // From when the ranks are there: into the solve, or before it.
        let delay = Duration::from_millis(random.below(1200));
        let mut appeared: Option<Instant> = None;
        let mut was_killed = false;
        while round.kills < most && !was_killed && child.try_wait().expect("a child").is_none() {
            let running = processes("halocg", &c);
            match appeared {
                Some(since) if since.elapsed() >= delay && !running.is_empty() => {
                    round.in_writes += u32::from(std::fs::exists(format!("{c}.part")).expect("a folder"));
                    signal("KILL", running[random.below(running.len() as u64) as usize]);
                    round.kills += 1;
                    was_killed = true;
                }
                None if running.len() == ranks => appeared = Some(Instant::now()),
                _ => (),
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        let status = child.wait().expect("an end");
        assert_eq!(left(&c), 0, "{way:?}: ranks are left");
        assert!(status.success() || was_killed, "{way:?}: {status:?} without a kill");
        if status.success() {
            break;
        }
    }
    round.distance = distance(&read_vector(&y), &read_vector(&x));
    let history = |path: &str| -> Vec<String> {
        read(path).lines().map(|line| line.rsplit_once(',').expect("columns").0.to_string()).collect()
    };
    match way {
        Way::OtherRanks => assert!(round.distance < CLOSE, "{:e} away", round.distance),
        _ => assert!(read(&x) == read(&y) && history(&h) == history(&i), "{way:?}: the same bits"),
    }
    round
}

/// Ranks that still run a while after their launcher has gone.
fn left(checkpoint: &str) -> usize {
    let begin = Instant::now();
    loop {
        let running = processes("halocg", checkpoint).len();
        if running == 0 || begin.elapsed() > Duration::from_secs(10) {
            return running;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// What became of damaged and foreign checkpoints: how many were refused.
fn damaged() -> u64 {
    let folder = Folder::new("damaged checkpoints");
    let c = folder.path("c");
    let start = |how: Launch, problem: &str, more: &[&str]| {
        let words: Vec<&str> = problem.split(' ').chain(more.iter().copied()).collect();
        common::launch(how, common::halocg(), &words)
    };
    let problem = "poisson -n 30 --max-it 20";
    assert_eq!(start(Launch::Threads(2), problem, &["--checkpoint", &c]).code, Some(4));
    let good = std::fs::read(&c).expect("a checkpoint");
    let refused = |problem: &str, file: &str| {
        let finished = start(Launch::Threads(2), problem, &["--restart", file]);
        let lines = finished.stderr.lines().filter(|line| line.starts_with("halocg: error: ")).count();
        assert!(finished.code == Some(3) && lines == 1, "{problem}: {finished:?}");
    };
    let mut random = Random::new(0);
    for k in 0..DAMAGED {
        let mut bytes = good.clone();
        let at = random.below(bytes.len() as u64) as usize;
        match k % 4 {
            0 => bytes.truncate(at),
            1 => bytes.extend_from_slice(&good[..1 + at / 8]),
            _ => bytes[at] ^= 1 << random.below(8),
        }
        refused(problem, &folder.write("wrong", &bytes));
    }
    let foreign =
        ["--coefficients 1,2", "--rhs ones", "--solver hs-cg", "--pc jacobi", "--reproducible", "--replace-every 3"];
    for other in foreign {
        refused(&format!("{problem} {other}"), &c);
    }
    refused("poisson -n 31", &c);
    refused(problem, &mesh("plate_hole.mtx"));
    DAMAGED + foreign.len() as u64 + 2
}

pub fn record() -> String {
    let begin = Instant::now();
    let mut rounds: Vec<Round> = Vec::new();
    let killed = |rounds: &[Round]| rounds.iter().map(|round| round.kills).sum::<u32>();
    while killed(&rounds) < KILLS {
        let number = rounds.len() as u64;
        let way = [Way::SameRanks, Way::OtherRanks, Way::Reproducible][number as usize % 3];
        let round = round(way, number, KILLS_OF_ONE.min(KILLS - killed(&rounds)));
        eprintln!(
            "{:?}: {} kills, {} of them in writes, {} restarts",
            round.way, round.kills, round.in_writes, round.restarts
        );
        rounds.push(round);
    }
    let mut text = String::from(
        "| restarts | solves | kills | while writing a checkpoint | restarts from one | answer |\n|---|---:|---:|---:|---:|---|\n",
    );
    for (way, name) in [
        (Way::SameRanks, "on as many ranks"),
        (Way::OtherRanks, "on 1 to 4 ranks"),
        (Way::Reproducible, "on 1 to 4 ranks, `--reproducible`"),
    ] {
        let of: Vec<&Round> = rounds.iter().filter(|round| round.way == way).collect();
        let sum = |value: fn(&Round) -> u32| of.iter().map(|round| value(round)).sum::<u32>();
        let answer = match way {
            Way::OtherRanks => {
                format!("max-norm distance at most {:.1e}", of.iter().map(|round| round.distance).fold(0.0, f64::max))
            }
            _ => "the same bits, x and history".into(),
        };
        let (kills, writes, restarts) =
            (sum(|round| round.kills), sum(|round| round.in_writes), sum(|round| round.restarts));
        writeln!(text, "| {name} | {} | {kills} | {writes} | {restarts} | {answer} |", of.len()).expect("memory");
    }
    let refused = damaged();
    writeln!(text, "\n{refused} damaged or foreign checkpoints, {refused} refused with exit code 3 and one sentence.")
        .expect("memory");
    eprintln!("{} s", begin.elapsed().as_secs());
    text
}
