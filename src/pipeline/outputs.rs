//! Files that could not be written, or would overwrite one another, are told before the solve and not after it.

use super::{Files, Job, RightHandSide};
use crate::comm::Comm;
use crate::error::{Error, Result};
use crate::files::Target;
use crate::partition::Partition;
use crate::problem::Source;
use crate::report;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Files, each with the option that names it, if it does.
pub(super) type Named<'a> = [(&'a str, Option<&'a Path>)];

/// Looks at every file that a solve is to write. Collective.
///
/// # Errors
/// As for [`check_files`], and for the folder of `--report`.
pub(super) fn check(comm: &Comm, job: &Job) -> Result<()> {
    let of_vector = match &job.rhs {
        RightHandSide::File(path) => Some(path.as_path()),
        _ => None,
    };
    let of_partition = match &job.partition {
        Partition::File(path) => Some(path.as_path()),
        _ => None,
    };
    let read = [
        of_source(&job.source),
        ("--rhs", of_vector),
        ("--partition", of_partition),
        (GUESS, job.x0.as_deref()),
        (RESTART, job.checkpointing.restart.as_deref()),
    ];
    check_folder(comm, "--report", job.files.report.as_deref())?;
    let checkpoint = [(CHECKPOINT, job.checkpointing.file.as_deref())];
    check_files(comm, &read, &[&of_results(&job.files)[..], &checkpoint].concat())
}

/// The files of a solve but for those in a folder, and checkpoints.
fn of_results(files: &Files) -> [(&str, Option<&Path>); 8] {
    [
        (SOLUTION, files.output.as_ref().map(|(path, _)| path.as_path())),
        ("--history", files.history.as_deref()),
        ("--json", files.json.as_deref()),
        ("--comm-matrix", files.comm_matrix.as_deref()),
        ("--png", files.png.as_deref()),
        ("--png-partition", files.png_partition.as_deref()),
        ("--vtu", files.vtu.as_deref()),
        ("--write", files.matrix.as_ref().map(|(path, _)| path.as_path())),
    ]
}

/// The line about the files that a solve has written.
pub(super) fn results_line(files: &Files) -> String {
    let in_folder = |name| files.report.as_ref().map(|folder| folder.join(name));
    let [page, run] = ["report.html", "run.json"].map(in_folder);
    let plain = of_results(files).into_iter().map(|(_, path)| path);
    line(&plain.chain([page.as_deref(), run.as_deref()]).collect::<Vec<_>>())
}

/// The line about files and folders that have been written; none about a pipe or a terminal, and none without a file.
pub(super) fn line(written: &[Option<&Path>]) -> String {
    let files = written.iter().flatten().filter(|path| path.is_dir() || !Target::of(path).is_stream());
    match files.map(|path| path.display().to_string()).collect::<Vec<_>>() {
        names if names.is_empty() => String::new(),
        names => report::written_line(&names),
    }
}

/// The file of the matrix, if it is from one.
pub(super) fn of_source(source: &Source) -> (&str, Option<&Path>) {
    let file = match source {
        Source::File(path) | Source::Mesh(path, _) => Some(path.as_path()),
        _ => None,
    };
    ("the matrix", file)
}

/// Looks at files that are to be written, while others are read. Collective: rank 0 looks.
///
/// # Errors
/// When the folder of one is missing, it is a folder itself, or is also written to by another option or read; the same on
/// every rank.
pub(super) fn check_files(comm: &Comm, read: &Named, written: &Named) -> Result<()> {
    comm.agree(if comm.is_root() { looked_at(read, written) } else { Ok(()) })
}

const CHECKPOINT: &str = "--checkpoint";
const RESTART: &str = "--restart";
const SOLUTION: &str = "--output";
const GUESS: &str = "--x0";
/// What may take the place of what was read.
const SUCCESSORS: [(&str, &str); 2] = [(CHECKPOINT, RESTART), (SOLUTION, GUESS)];

fn looked_at(read: &Named, written: &Named) -> Result<()> {
    let mut seen: Vec<(&str, PathBuf)> =
        read.iter().filter_map(|(what, path)| Some((*what, place((*path)?)?))).collect();
    for (option, path) in written {
        let Some(path) = path else { continue };
        if path.is_dir() {
            return Err(Error::io("write it", path, &ErrorKind::IsADirectory.into()));
        }
        if Target::of(path).is_stream() {
            continue;
        }
        let Some(place) = place(path) else {
            return Err(Error::io(
                "write it",
                path,
                &std::io::Error::new(ErrorKind::NotFound, "there is no such folder"),
            ));
        };
        let is_taken = |other: &str| !SUCCESSORS.contains(&(*option, other));
        if let Some((other, _)) = seen.iter().find(|(other, there)| *there == place && is_taken(other)) {
            return Err(Error::usage(format!("{option} {}: this file is {other}'s as well", path.display())));
        }
        seen.push((*option, place));
    }
    Ok(())
}

/// Looks at a folder that is to be made, if it is not there. Collective.
///
/// # Errors
/// When something that is no folder stands in the way; the same on every rank.
pub(super) fn check_folder(comm: &Comm, option: &str, folder: Option<&Path>) -> Result<()> {
    let in_the_way = || {
        let there = folder?.ancestors().find(|above| above.exists())?;
        (!there.is_dir()).then_some((folder?, there))
    };
    comm.agree(match in_the_way().filter(|_| comm.is_root()) {
        Some((folder, there)) => Err(Error::io(
            &format!("make the folder of {option}"),
            folder,
            &std::io::Error::new(ErrorKind::AlreadyExists, format!("{} is a file", there.display())),
        )),
        None => Ok(()),
    })
}

/// As many as Linux follows.
const MOST_LINKS: usize = 40;

/// The one name of a file, whether or not it exists, links followed; none if its folder does not.
fn place(path: &Path) -> Option<PathBuf> {
    if let Ok(name) = std::fs::canonicalize(path) {
        return Some(name);
    }
    // Links to what there is not yet.
    let mut path = path.to_path_buf();
    for _ in 0..MOST_LINKS {
        let Ok(next) = std::fs::read_link(&path) else { break };
        path = path.parent()?.join(next);
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = std::fs::canonicalize(folder).ok()?;
    Some(folder.join(path.file_name()?))
}
