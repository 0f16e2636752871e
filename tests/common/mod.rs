//! Starting programs on several ranks, with a time limit.
#![allow(dead_code)] // each test binary uses a part of this

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The rank counts that every promise is tested with: more than there are processors, and odd ones.
pub const RANKS: [usize; 5] = [1, 2, 3, 4, 7];

/// Seconds after which a run counts as hung. Generous: the machine may be busy.
const TIME_LIMIT_SECONDS: &str = "300";

/// What a program left behind.
#[derive(Debug)]
pub struct Finished {
    /// The exit code; 124 is a hang (the time limit's own code), None a death by signal.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// How ranks are started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Launch {
    /// The program alone.
    Alone,
    /// The program with `--threads P`.
    Threads(usize),
    /// `mpirun -n P` of the MPI library that the program was built for.
    Mpirun(usize),
}

impl Launch {
    /// The launch as a prefix of a command line.
    pub fn command(self, program: &Path) -> Command {
        let mut command = limited();
        if let Launch::Mpirun(ranks) = self {
            let mpirun = mpirun(is_open_mpi()).unwrap_or_else(|| "mpirun".into());
            add_mpirun(&mut command, mpirun, is_open_mpi(), ranks);
        }
        command.arg(program).stdin(Stdio::null());
        if let Launch::Threads(ranks) = self {
            command.args(["--threads", &ranks.to_string()]);
        }
        command
    }
}

/// Runs `program` with `args`.
pub fn launch(how: Launch, program: &Path, args: &[&str]) -> Finished {
    let mut command = how.command(program);
    command.args(args);
    finish(command)
}

/// Runs a command to its end.
pub fn finish(mut command: Command) -> Finished {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    if let Some((_, Some(folder))) = command.get_envs().find(|(name, _)| *name == SESSION_FOLDER) {
        let _ = std::fs::remove_dir_all(folder);
    }
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Finished { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

/// The processes with `program` as their name and `word` among their arguments.
pub fn processes(program: &str, word: &str) -> Vec<i32> {
    let of = |pid: i32| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let words: Vec<String> =
            line.split(|byte| *byte == 0).map(|w| String::from_utf8_lossy(w).into_owned()).collect();
        let name = words[0].rsplit('/').next()?.to_string();
        (name.starts_with(program) && words.iter().any(|w| w == word)).then_some(pid)
    };
    let folders = std::fs::read_dir("/proc").expect("Linux");
    let pids = folders.filter_map(|folder| folder.ok()?.file_name().to_str()?.parse().ok());
    pids.filter_map(of).collect()
}

/// Sends a signal to a process.
pub fn signal(name: &str, pid: i32) {
    // The shell's own: a program of this name is not on every machine.
    let status = Command::new("sh").args(["-c", "kill -$0 $1", name, &pid.to_string()]).status();
    assert!(status.expect("a shell").success(), "{name} to {pid}");
}

/// A command line, so far empty, with the time limit.
pub fn limited() -> Command {
    let mut command = Command::new("timeout");
    command.args(["--kill-after=10", TIME_LIMIT_SECONDS]);
    command
}

/// `mpirun -n P` of the MPI library that the program was *not* built for. Says so plainly when there is none.
pub fn foreign_mpirun(ranks: usize) -> Option<Command> {
    let foreign = !is_open_mpi();
    let Some(mpirun) = mpirun(foreign) else {
        not_tested("a launcher of another MPI library: only one is installed");
        return None;
    };
    let mut command = limited();
    add_mpirun(&mut command, mpirun, foreign, ranks);
    Some(command)
}

/// The halocg program of this build.
pub fn halocg() -> &'static Path {
    // Examples have tests too, but no such variable.
    const PROGRAM: Option<&str> = option_env!("CARGO_BIN_EXE_halocg");
    Path::new(PROGRAM.expect("only tests of the program start it"))
}

/// True if the tests can start ranks under mpirun: the build has MPI.
pub const HAS_MPI: bool = cfg!(feature = "mpi");

#[cfg(feature = "mpi")]
fn is_open_mpi() -> bool {
    halocg::comm::library_version().starts_with("Open MPI")
}

#[cfg(not(feature = "mpi"))]
fn is_open_mpi() -> bool {
    panic!("a build without MPI has no mpirun")
}

/// The launcher of Open MPI, or of MPICH.
fn mpirun(open_mpi: bool) -> Option<PathBuf> {
    let name = if open_mpi { "mpirun.openmpi" } else { "mpirun.mpich" };
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).map(|folder| folder.join(name)).find(|path| path.is_file())
}

fn add_mpirun(command: &mut Command, mpirun: PathBuf, open_mpi: bool, ranks: usize) {
    // More ranks than processors are meant, and they must not be bound to the same one.
    let flags = if open_mpi { &["--allow-run-as-root", "--oversubscribe", "--bind-to"][..] } else { &["-bind-to"] };
    command.arg(mpirun).args(flags).args(["none", "-n", &ranks.to_string()]).stdin(Stdio::null());
    if open_mpi {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("halocg-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        command.env(SESSION_FOLDER, std::env::temp_dir().join(name));
    }
}

/// Open MPI's jobs share a folder that each creates and removes; started at the same time, they trip over each other.
const SESSION_FOLDER: &str = "OMPI_MCA_orte_tmpdir_base";

/// What the test called `name` of this test binary does: it starts itself under mpirun, on each of these numbers of ranks, and
/// every rank runs `body`.
pub fn as_ranks_of_mpirun(name: &str, ranks: &[usize], body: impl Fn()) {
    if halocg::comm::launcher::is_launched() {
        std::panic::set_hook(Box::new(|info| {
            eprintln!("{info}");
            halocg::comm::abort_job(101)
        }));
        return body();
    }
    let program = std::env::current_exe().expect("this program has a path");
    for &ranks in ranks {
        let run = launch(Launch::Mpirun(ranks), &program, &[name, "--exact", "--nocapture"]);
        assert_eq!(run.code, Some(0), "on {ranks} ranks\n{}\n{}", run.stdout, run.stderr);
        // The ranks' lines may get mixed, but not within what is written at once.
        assert_eq!(run.stdout.matches("1 passed; 0 failed").count(), ranks, "{}", run.stdout);
    }
}

/// Says it even where the output of tests that pass is swallowed.
pub fn not_tested(what: &str) {
    let _ = writeln!(std::io::stderr(), "NOT TESTED: {what}");
}

/// The folder of real test matrices that may not be committed here. Says so plainly when there is none.
pub fn matrices() -> Option<PathBuf> {
    folder("HALOCG_MATRICES", "the real matrices")
}

/// The folder of published results.
pub fn reference() -> Option<PathBuf> {
    folder("HALOCG_REFERENCE", "the published convergence table")
}

fn folder(variable: &str, holds: &str) -> Option<PathBuf> {
    let folder = std::env::var_os(variable).filter(|folder| !folder.is_empty()).map(PathBuf::from);
    if folder.is_none() {
        not_tested(&format!("{holds}: {variable} is not set; it names their folder"));
    }
    folder
}
