//! Files that appear under their name only when they are complete.

use crate::error::{Error, Result};
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Writes beside, then renames: a file under its name is complete.
///
/// # Errors
/// When it cannot be written; an old file of that name is then still there.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<()> {
    let target = Target::of(path);
    let written = target.open().and_then(|mut file| file.write_all(bytes));
    target.finish(written, path)
}

/// Where a file is written before it appears under its name.
pub(crate) struct Target {
    pub(crate) beside: PathBuf,
    /// The name in the end, links followed; none for what is not a regular file (a pipe, /dev/stdout), which
    /// is written to as it is.
    name: Option<PathBuf>,
}

impl Target {
    pub(crate) fn of(path: &Path) -> Target {
        match std::fs::metadata(path) {
            Ok(there) if !there.is_file() || is_stream(path) || standard(path).is_some() => {
                Target { beside: path.to_path_buf(), name: None }
            }
            _ => Target::of_file(path),
        }
    }

    /// Of what another rank says is a file.
    pub(crate) fn of_file(path: &Path) -> Target {
        // Of a link to nothing yet, what it leads to.
        let leads_to = || Some(path.parent()?.join(std::fs::read_link(path).ok()?));
        let name = std::fs::canonicalize(path).ok().or_else(leads_to).unwrap_or_else(|| path.to_path_buf());
        Target { beside: beside(&name), name: Some(name) }
    }

    /// True for what is written to as it is.
    pub(crate) fn is_stream(&self) -> bool {
        self.name.is_none()
    }

    /// To be written from the beginning, or on what is written to as it is.
    pub(crate) fn open(&self) -> io::Result<File> {
        match (&self.name, standard(&self.beside)) {
            (Some(_), _) => File::create(&self.beside),
            // Where it was redirected to a file, an opening of our own would not know how much has been printed.
            (None, Some((file, _))) => Ok(file),
            (None, None) => OpenOptions::new().append(true).open(&self.beside),
        }
    }

    /// Whether it could be written; leaves nothing behind.
    ///
    /// # Errors
    /// What would keep it from being written.
    pub(crate) fn probe(&self) -> io::Result<()> {
        if self.name.is_none() {
            return Ok(());
        }
        let was_there = self.beside.exists();
        OpenOptions::new().write(true).create(true).truncate(false).open(&self.beside)?;
        if was_there { Ok(()) } else { std::fs::remove_file(&self.beside) }
    }

    /// Takes away what was written beside.
    pub(crate) fn discard(&self) {
        if self.name.is_some() {
            let _ = std::fs::remove_file(&self.beside);
        }
    }

    /// Gives the file its name if it was `written`, else takes it away.
    pub(crate) fn finish(&self, written: io::Result<()>, path: &Path) -> Result<()> {
        let named = written.and_then(|()| match &self.name {
            None => Ok(()),
            Some(name) => {
                if let Ok(old) = std::fs::metadata(name) {
                    std::fs::set_permissions(&self.beside, old.permissions())?;
                }
                std::fs::rename(&self.beside, name)
            }
        });
        named.map_err(|cause| {
            self.discard();
            Error::io("write it", path, &cause)
        })
    }
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    PathBuf::from(name)
}

/// True for what this process prints to.
pub(crate) fn is_standard_output(path: &Path) -> bool {
    matches!(standard(path), Some((_, true)))
}

/// This process's standard output (true) or error, if that is what a path leads to.
#[cfg(unix)]
fn standard(path: &Path) -> Option<(File, bool)> {
    use std::os::fd::AsFd as _;
    use std::os::unix::fs::MetadataExt as _;
    let there = std::fs::metadata(path).ok()?;
    let (output, error) = (io::stdout(), io::stderr());
    [(output.as_fd(), true), (error.as_fd(), false)].into_iter().find_map(|(descriptor, is_output)| {
        let file = File::from(descriptor.try_clone_to_owned().ok()?);
        let own = file.metadata().ok()?;
        ((own.dev(), own.ino()) == (there.dev(), there.ino())).then_some((file, is_output))
    })
}

#[cfg(not(unix))]
fn standard(_: &Path) -> Option<(File, bool)> {
    None
}

/// What these names lead to may be a file, but one that others are writing to as well.
fn is_stream(path: &Path) -> bool {
    ["/dev/stdout", "/dev/stderr", "/dev/fd", "/proc/self/fd"].iter().any(|stream| path.starts_with(stream))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_followed_a_mode_kept_and_a_device_left_alone() {
        let folder = std::env::temp_dir().join(format!("halocg-files-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (real, link) = (folder.join("real"), folder.join("link"));
        write_file(&real, b"old").unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
            std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o600)).unwrap();
            symlink(&real, &link).unwrap();
            write_file(&link, b"new").unwrap();
            assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
            assert_eq!(std::fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o600);
            assert_eq!(std::fs::read(&real).unwrap(), b"new");
            write_file(Path::new("/dev/null"), b"nothing").unwrap();
            assert!(std::fs::metadata("/dev/null").unwrap().file_type().is_char_device());
        }
        assert!(write_file(&folder.join("missing").join("file"), b"x").is_err());
        let left: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(left.iter().all(|name| name == "real" || name == "link"), "{left:?}");
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
