//! One of four ranks fails in one stage: every rank ends, with the exit code that the failure has, and soon.

use crate::common::{self, Finished, HAS_MPI, Launch};
use std::path::PathBuf;
use std::time::{Duration, Instant};

const RANKS: usize = 4;

/// On an idle machine a run takes a second or two, and ten are promised; a busy one gets more. A hang lasts as long
/// as the time limit of `common`.
const SOON: Duration = Duration::from_secs(60);

/// In all of them memory may lack, and programs may panic.
const STAGES: [&str; 10] = [
    "load",
    "partition",
    "distribute",
    "preconditioner",
    "vectors",
    "restart",
    "solve:0",
    "solve:17",
    "checkpoint",
    "output",
];
/// In these something is read, written or agreed on.
const STAGES_OF_ERRORS: [&str; 6] = ["load", "partition", "preconditioner", "vectors", "restart", "output"];

struct Files(PathBuf);

impl Files {
    /// A right-hand side, a partition, and a checkpoint of the solve after 10 iterations, with all ranks well.
    fn new(name: &str) -> Files {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("faults {name} {}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let files = Files(folder);
        let values = "1\n".repeat(6240);
        let text = format!("%%MatrixMarket matrix array real general\n6240 1\n{values}");
        std::fs::write(files.path("b.mtx"), text).expect("a file");
        let owners: String = (0..6240).map(|row| format!("{}\n", row % RANKS)).collect();
        std::fs::write(files.path("owners"), owners).expect("a file");
        let finished = files.solve(Launch::Threads(RANKS), &["--max-it", "10"], None);
        assert_eq!(finished.code, Some(4), "{finished:?}");
        std::fs::copy(files.path("c"), files.path("old")).expect("a checkpoint");
        files
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("UTF-8").into()
    }

    fn solve(&self, how: Launch, more: &[&str], fault: Option<&str>) -> Finished {
        let matrix = format!("{}/meshes/plate_hole.mtx", env!("CARGO_MANIFEST_DIR"));
        let (rhs, x, owners) = (self.path("b.mtx"), self.path("x.mtx"), format!("file:{}", self.path("owners")));
        let mut command = how.command(common::halocg());
        command.args(["solve", &matrix, "--rhs", &rhs, "--output", &x, "--pc", "jacobi", "--rtol", "1e-6"]);
        command.args(["--partition", &owners, "--checkpoint", &self.path("c"), "--checkpoint-every", "10it"]);
        command.args(more).envs(fault.map(|fault| ("HALOCG_FAULT", fault)));
        common::finish(command)
    }

    /// A rank fails; also how long it took.
    fn fail(&self, how: Launch, rank: usize, stage: &str, kind: &str) -> (Finished, Run) {
        let old = self.path("old");
        let restart: &[&str] = if stage == "restart" { &["--restart", &old] } else { &[] };
        let begin = Instant::now();
        let finished = self.solve(how, restart, Some(&format!("{rank} {stage} {kind}")));
        let took = begin.elapsed();
        assert!(took < SOON, "{how:?} {rank} {stage} {kind}: took {took:?}\n{finished:?}");
        (finished, Run { how, seconds: took.as_secs_f64() })
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A run with a failure in it that ended as it should.
pub struct Run {
    how: Launch,
    seconds: f64,
}

fn engines() -> Vec<Launch> {
    [Launch::Threads(RANKS), Launch::Mpirun(RANKS)][..1 + usize::from(HAS_MPI)].to_vec()
}

/// Each rank in turn as threads; under mpirun, which takes longer to start, one per stage unless all are asked for.
fn ranks(how: Launch, stage: usize, all: bool) -> Vec<usize> {
    if all || !matches!(how, Launch::Mpirun(_)) { (0..RANKS).collect() } else { vec![stage % RANKS] }
}

/// A panic of a rank, or an allocation that the system refuses it: exit code 1 for all.
pub fn panics_and_refused_allocations(all: bool) -> Vec<Run> {
    let files = Files::new("hard");
    let mut runs = Vec::new();
    for how in engines() {
        for (k, stage) in STAGES.into_iter().enumerate() {
            for rank in ranks(how, k, all) {
                for (kind, says) in [("panic", "on purpose"), ("memory", "memory allocation of")] {
                    let (finished, run) = files.fail(how, rank, stage, kind);
                    // MPICH's launcher kills the others when a rank ends by itself, and may take the code from one of those.
                    let is_killers =
                        kind == "memory" && finished.code == Some(9) && finished.stdout.contains("(signal 9)");
                    let is_one = finished.code == Some(1) || is_killers;
                    assert!(is_one, "{how:?} {rank} {stage} {kind}: {finished:?}");
                    assert!(finished.stderr.contains(says), "{how:?} {rank} {stage} {kind}: {finished:?}");
                    runs.push(run);
                }
            }
        }
    }
    runs
}

/// An input or output error of one rank is the error of all, said once; only a checkpoint that fails costs nothing.
pub fn errors(all: bool) -> Vec<Run> {
    let files = Files::new("io");
    let mut runs = Vec::new();
    for how in engines() {
        for (k, stage) in STAGES_OF_ERRORS.into_iter().enumerate() {
            for rank in ranks(how, k, all) {
                let (finished, run) = files.fail(how, rank, stage, "io");
                assert_eq!(finished.code, Some(1), "{how:?} {rank} {stage}: {finished:?}");
                let said = finished.stderr.matches("halocg: error: an input or output error on purpose").count();
                assert_eq!(said, 1, "{how:?} {rank} {stage}: {finished:?}");
                runs.push(run);
            }
        }
        for rank in ranks(how, 3, all) {
            let (finished, run) = files.fail(how, rank, "checkpoint", "io");
            assert_eq!(finished.code, Some(0), "a checkpoint that fails costs nothing: {finished:?}");
            assert!(finished.stderr.contains("halocg: warning: no checkpoint"), "{finished:?}");
            runs.push(run);
            // But at a limit it is all that is left.
            let fault = format!("{rank} checkpoint io");
            let finished = files.solve(how, &["--max-it", "10"], Some(&fault));
            assert_eq!(finished.code, Some(1), "the last checkpoint of a solve that is not done: {finished:?}");
        }
    }
    runs
}

/// A rank killed in the middle of writing a checkpoint leaves the one before.
pub fn kills_in_writes(all: bool) -> Vec<Run> {
    let files = Files::new("kill");
    let mut runs = Vec::new();
    for how in engines() {
        assert_eq!(files.solve(how, &[], None).code, Some(0), "{how:?}");
        let before = std::fs::read(files.path("c")).expect("a checkpoint");
        for rank in ranks(how, 2, all) {
            let (finished, run) = files.fail(how, rank, "write", "kill");
            assert_ne!(finished.code, Some(0), "{finished:?}");
            assert!(std::fs::read(files.path("c")).expect("a checkpoint") == before, "{how:?} {rank}");
            runs.push(run);
        }
    }
    runs
}

/// Each rank in each stage, as a table of Markdown.
pub fn record() -> String {
    let stages = |stages: &[&str]| stages.join(", ");
    let errors_in = format!("{}, checkpoint", stages(&STAGES_OF_ERRORS));
    let rows = [
        ("a panic, or no memory", stages(&STAGES), panics_and_refused_allocations(true), "1"),
        ("an input or output error", errors_in, errors(true), "1; 0 in a checkpoint"),
        ("SIGKILL", "writing a checkpoint".into(), kills_in_writes(true), "the launcher's; as threads a signal's"),
    ];
    let head = "| what one rank of four does | stages | runs as threads | under mpirun | exit code | longest run |\n";
    let mut text = format!("{head}|---|---|---:|---:|---|---:|\n");
    for (what, stages, runs, code) in rows {
        let under_mpirun = runs.iter().filter(|run| matches!(run.how, Launch::Mpirun(_))).count();
        let longest = runs.iter().map(|run| run.seconds).fold(0.0, f64::max);
        let as_threads = runs.len() - under_mpirun;
        text += &format!("| {what} | {stages} | {as_threads} | {under_mpirun} | {code} | {longest:.1} s |\n");
    }
    text
}
