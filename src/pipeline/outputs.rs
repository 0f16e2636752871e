//! Files that could not be written, or would overwrite one another, are told before the solve and not after it.

use super::{Job, RightHandSide, page, show};
use crate::comm::Comm;
use crate::error::{Error, Result};
use crate::files::{Target, is_standard_output};
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
/// As for [`check_files`] and [`make_folder`].
pub(super) fn check(comm: &Comm, job: &Job) -> Result<Folders> {
    let files = &job.files;
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
    let folders = make_folder(comm, "--report", files.report.as_deref())?;
    let [page, run] = page::FILES.map(|name| Some(files.report.as_ref()?.join(name)));
    let written = [
        (SOLUTION, files.output.as_ref().map(|(path, _)| path.as_path())),
        ("--history", files.history.as_deref()),
        ("--json", files.json.as_deref()),
        ("--comm-matrix", files.comm_matrix.as_deref()),
        ("--png", files.png.as_deref()),
        ("--png-partition", files.png_partition.as_deref()),
        ("--vtu", files.vtu.as_deref()),
        ("--write", files.matrix.as_ref().map(|(path, _)| path.as_path())),
        (CHECKPOINT, job.checkpointing.file.as_deref()),
        ("--report", page.as_deref()),
        ("--report", run.as_deref()),
    ];
    check_files(comm, &read, &written)?;
    Ok(folders)
}

/// What a command has written: each file is tried, whatever became of the others, as the work before may have taken long.
pub(super) struct Results<'a> {
    comm: &'a Comm,
    written: Vec<PathBuf>,
    first: Result<()>,
}

impl Results<'_> {
    /// Nothing yet.
    pub(super) fn new(comm: &Comm) -> Results<'_> {
        Results { comm, written: Vec::new(), first: Ok(()) }
    }

    /// A file that was written.
    pub(super) fn note(&mut self, path: &Path) {
        self.written.push(path.to_path_buf());
    }

    /// Has a file written, if it is asked for, by all ranks, which must agree on how that went. Collective.
    pub(super) fn by_all(&mut self, path: Option<&Path>, write: impl FnOnce(&Path) -> Result<()>) {
        let Some(path) = path else { return };
        match write(path) {
            Ok(()) => self.note(path),
            Err(error) => self.first = std::mem::replace(&mut self.first, Ok(())).and(Err(error)),
        }
    }

    /// The same by the root alone. Collective.
    pub(super) fn by_root(&mut self, path: Option<&Path>, write: impl FnOnce(&Path) -> Result<()>) {
        let comm = self.comm;
        self.by_all(path, |path| comm.agree(if comm.is_root() { write(path) } else { Ok(()) }));
    }

    /// Prints which files and folders there are, but for pipes and the like; not behind data that was printed itself.
    pub(super) fn tell(&self) -> Result<()> {
        show(self.comm, || {
            let files = self.written.iter().filter(|path| path.is_dir() || !Target::of(path).is_stream());
            let names: Vec<String> = files.map(|path| path.display().to_string()).collect();
            let is_behind_data = self.written.iter().any(|path| is_standard_output(path));
            if names.is_empty() || is_behind_data { String::new() } else { report::written_line(&names) }
        })
    }

    /// Ends a command that has printed its result, with what is told about the files. Collective.
    ///
    /// # Errors
    /// What went wrong first with the files, or else with the printing; the same on every rank.
    pub(super) fn finish(self, shown: Result<()>) -> Result<()> {
        let told = shown.and_then(|()| self.tell());
        self.comm.agree(self.first.and(told))
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
        let beside = Target::of(path).beside;
        let names = [place, self::place(&beside).unwrap_or(beside)];
        if let Some((other, _)) = seen.iter().find(|(other, there)| names.contains(there) && is_taken(other)) {
            return Err(Error::usage(format!("{option} {}: this file is {other}'s as well", path.display())));
        }
        Target::of(path).probe().map_err(|cause| Error::io("write it", path, &cause))?;
        seen.extend(names.map(|name| (*option, name)));
    }
    Ok(())
}

/// Folders that were made; taken away again if they are still empty when this is dropped.
pub(super) struct Folders(Vec<PathBuf>);

impl Drop for Folders {
    fn drop(&mut self) {
        for folder in &self.0 {
            let _ = std::fs::remove_dir(folder);
        }
    }
}

/// Makes a folder for files, if it is not there. Collective.
///
/// # Errors
/// When it cannot be made, or nothing can be written there; the same on every rank.
pub(super) fn make_folder(comm: &Comm, option: &str, folder: Option<&Path>) -> Result<Folders> {
    let make = |folder: &Path| {
        let missing: Vec<PathBuf> =
            folder.ancestors().take_while(|above| !above.exists()).map(Path::to_path_buf).collect();
        let in_the_way = folder.ancestors().find(|above| above.exists()).filter(|there| !there.is_dir());
        let made = match in_the_way {
            Some(file) => Err(std::io::Error::new(ErrorKind::AlreadyExists, format!("{} is a file", file.display()))),
            None => std::fs::create_dir_all(folder),
        };
        let folders = Folders(missing);
        made.and_then(|()| Target::of(&folder.join("a file")).probe())
            .map_err(|cause| Error::io(&format!("make the folder of {option}"), folder, &cause))?;
        Ok(folders)
    };
    let made = folder.filter(|_| comm.is_root()).map_or(Ok(Folders(Vec::new())), make);
    comm.agree(made)
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
