//! Files that could not be written, or would overwrite one another, are told before the solve and not after it.

use super::{Job, RightHandSide};
use crate::error::{Error, Result};
use crate::files::Target;
use crate::problem::Source;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Looks at every file that the job is to write. For rank 0, which sees them all.
///
/// # Errors
/// When the folder of one is missing, it is a folder itself, or is also written to by another option or read as the matrix or
/// the right-hand side.
pub(super) fn check(job: &Job) -> Result<()> {
    let files = &job.files;
    let written = [
        ("--output", files.output.as_ref().map(|(path, _)| path)),
        ("--history", files.history.as_ref()),
        ("--json", files.json.as_ref()),
        ("--comm-matrix", files.comm_matrix.as_ref()),
        ("--png", files.png.as_ref()),
        ("--png-partition", files.png_partition.as_ref()),
        ("--vtu", files.vtu.as_ref()),
        ("--write", files.matrix.as_ref().map(|(path, _)| path)),
        ("--checkpoint", job.checkpointing.file.as_ref()),
    ];
    check_folder("--report", files.report.as_deref())?;
    let mut seen: Vec<(&str, PathBuf)> = Vec::new();
    if let Source::File(path) | Source::Mesh(path, _) = &job.source {
        seen.extend(place(path).map(|place| ("the matrix", place)));
    }
    if let RightHandSide::File(path) = &job.rhs {
        seen.extend(place(path).map(|place| ("--rhs", place)));
    }
    for (option, path) in written {
        let Some(path) = path else { continue };
        if path.is_dir() {
            return Err(Error::io("write it", path, &ErrorKind::IsADirectory.into()));
        }
        if Target::of(path).is_stream() {
            continue;
        }
        let Some(place) = place(path) else {
            // A checkpoint that cannot be written is a warning, however that comes about.
            if option == "--checkpoint" {
                continue;
            }
            return Err(Error::io(
                "write it",
                path,
                &std::io::Error::new(ErrorKind::NotFound, "there is no such folder"),
            ));
        };
        if let Some((other, _)) = seen.iter().find(|(_, there)| *there == place) {
            return Err(Error::usage(format!("{option} {}: this file is {other}'s as well", path.display())));
        }
        seen.push((option, place));
    }
    Ok(())
}

/// Looks at a folder that is to be made, if it is not there.
///
/// # Errors
/// When something that is no folder stands in the way.
pub(super) fn check_folder(option: &str, folder: Option<&Path>) -> Result<()> {
    let Some(folder) = folder else { return Ok(()) };
    match folder.ancestors().find(|above| above.exists()) {
        Some(there) if !there.is_dir() => Err(Error::io(
            &format!("make the folder of {option}"),
            folder,
            &std::io::Error::new(ErrorKind::AlreadyExists, format!("{} is a file", there.display())),
        )),
        _ => Ok(()),
    }
}

/// The one name of a file, whether or not it exists; none if its folder does not.
fn place(path: &Path) -> Option<PathBuf> {
    if let Ok(name) = std::fs::canonicalize(path) {
        return Some(name);
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = std::fs::canonicalize(folder).ok()?;
    Some(folder.join(path.file_name()?))
}
