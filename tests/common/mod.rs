//! Starting programs on several ranks, with a time limit.
#![allow(dead_code)] // each test binary uses a part of this

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

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
        let mut command = Command::new("timeout");
        command.args(["--kill-after=10", TIME_LIMIT_SECONDS]);
        if let Launch::Mpirun(ranks) = self {
            command.arg(mpirun()).args(mpirun_flags()).args(["-n", &ranks.to_string()]);
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
    let output = command.args(args).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Finished { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

/// The halocg program of this build.
pub fn halocg() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_halocg"))
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

/// The launcher that belongs to this build's MPI library.
fn mpirun() -> PathBuf {
    let name = if is_open_mpi() { "mpirun.openmpi" } else { "mpirun.mpich" };
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&paths).map(|folder| folder.join(name)).find(|path| path.is_file());
    found.unwrap_or_else(|| PathBuf::from("mpirun"))
}

fn mpirun_flags() -> &'static [&'static str] {
    // More ranks than processors are meant, and they must not be bound to the same one.
    if is_open_mpi() { &["--allow-run-as-root", "--oversubscribe", "--bind-to", "none"] } else { &["-bind-to", "none"] }
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
    let folder = std::env::var_os(variable).map(PathBuf::from);
    if folder.is_none() {
        eprintln!("NOT TESTED: {variable} is not set; it names the folder with {holds}");
    }
    folder
}
