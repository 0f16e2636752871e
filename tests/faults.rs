//! One rank fails in one stage: every rank ends, with the exit code that the failure has, and soon.
//! Needs the feature `faults`.

mod common;

use common::{Finished, HAS_MPI, Launch, halocg};
use std::path::PathBuf;
use std::time::{Duration, Instant};

const RANKS: usize = 4;

/// On an idle machine a run takes less than a second, and ten are promised; a busy one gets more. A hang lasts as long
/// as the time limit of `common`.
const SOON: Duration = Duration::from_secs(60);

struct Files(PathBuf);

impl Files {
    fn new(name: &str) -> Files {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("faults {name} {}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        Files(folder)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("UTF-8").into()
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn fail(files: &Files, how: Launch, fault: &str) -> Finished {
    let matrix = format!("{}/meshes/plate_hole.mtx", env!("CARGO_MANIFEST_DIR"));
    let (rhs, x) = (files.path("b.mtx"), files.path("x.mtx"));
    if !std::fs::exists(&rhs).expect("a folder") {
        let values = "1\n".repeat(6240);
        std::fs::write(&rhs, format!("%%MatrixMarket matrix array real general\n6240 1\n{values}")).expect("a file");
    }
    let owners = files.path("owners");
    let lines: String = (0..6240).map(|row| format!("{}\n", row % RANKS)).collect();
    std::fs::write(&owners, lines).expect("a file");
    let mut command = how.command(halocg());
    command.args(["solve", &matrix, "--rhs", &rhs, "--output", &x, "--pc", "jacobi", "--rtol", "1e-6"]);
    command.args(["--partition", &format!("file:{owners}")]);
    command.args(["--checkpoint", &files.path("c"), "--checkpoint-every", "10it"]).env("HALOCG_FAULT", fault);
    let begin = Instant::now();
    let finished = common::finish(command);
    assert!(begin.elapsed() < SOON, "{how:?} {fault}: took {:?}\n{finished:?}", begin.elapsed());
    finished
}

fn engines() -> Vec<Launch> {
    [Launch::Threads(RANKS), Launch::Mpirun(RANKS)][..1 + usize::from(HAS_MPI)].to_vec()
}

/// Each rank in turn as threads; under mpirun, which takes longer to start, one per stage unless all are asked for.
fn ranks(how: Launch, stage: usize) -> Vec<usize> {
    let all = !matches!(how, Launch::Mpirun(_)) || std::env::var_os("HALOCG_ALL_FAULTS").is_some();
    if all { (0..RANKS).collect() } else { vec![stage % RANKS] }
}

const STAGES: [&str; 9] =
    ["load", "partition", "distribute", "preconditioner", "vectors", "solve:0", "solve:17", "checkpoint", "output"];

#[test]
fn a_panic_or_a_refused_allocation_ends_every_rank() {
    let files = Files::new("hard");
    for how in engines() {
        for (k, stage) in STAGES.into_iter().enumerate() {
            for rank in ranks(how, k) {
                for (kind, says) in [("panic", "on purpose"), ("memory", "memory allocation of")] {
                    let finished = fail(&files, how, &format!("{rank} {stage} {kind}"));
                    assert_eq!(finished.code, Some(1), "{how:?} {rank} {stage} {kind}: {finished:?}");
                    assert!(finished.stderr.contains(says), "{how:?} {rank} {stage} {kind}: {finished:?}");
                }
            }
        }
    }
}

#[test]
fn an_error_of_one_rank_is_the_error_of_all() {
    let files = Files::new("io");
    for how in engines() {
        // In the others nothing is read or written.
        for (k, stage) in ["load", "partition", "preconditioner", "vectors", "output"].into_iter().enumerate() {
            for rank in ranks(how, k) {
                let finished = fail(&files, how, &format!("{rank} {stage} io"));
                assert_eq!(finished.code, Some(1), "{how:?} {rank} {stage}: {finished:?}");
                let said = finished.stderr.matches("halocg: error: an input or output error on purpose").count();
                assert_eq!(said, 1, "{how:?} {rank} {stage}: {finished:?}");
            }
        }
        for rank in ranks(how, 3) {
            let finished = fail(&files, how, &format!("{rank} checkpoint io"));
            assert_eq!(finished.code, Some(0), "a checkpoint that fails costs nothing: {finished:?}");
            assert!(finished.stderr.contains("halocg: warning: no checkpoint"), "{finished:?}");
        }
    }
}

#[test]
fn a_rank_killed_in_the_middle_of_a_write_leaves_the_checkpoint_before() {
    let files = Files::new("kill");
    for how in engines() {
        fail(&files, how, "9 load io"); // no such rank: writes a whole checkpoint
        let before = std::fs::read(files.path("c")).expect("a checkpoint");
        for rank in ranks(how, 2) {
            let finished = fail(&files, how, &format!("{rank} write kill"));
            assert_ne!(finished.code, Some(0), "{finished:?}");
            assert!(std::fs::read(files.path("c")).expect("a checkpoint") == before, "{how:?} {rank}");
        }
    }
}
