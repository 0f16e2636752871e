//! Files that all ranks read or write together.

use crate::comm::Comm;
use crate::error::{Error, ExitCode, Result};
use crate::faults;
use crate::files::Target;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// A file that every rank reads parts of.
#[derive(Debug)]
pub struct SharedFile {
    file: File,
    path: PathBuf,
    /// Its length in bytes, as rank 0 sees it.
    bytes: u64,
}

impl SharedFile {
    /// Opens a regular file on every rank. Collective.
    ///
    /// # Errors
    /// When a rank cannot open it, or finds another file than rank 0; the same on every rank.
    pub fn open(comm: &Comm, path: &Path) -> Result<SharedFile> {
        let rank = comm.rank();
        let opened = File::open(path).and_then(|file| Ok((file.metadata()?.len(), file))).map_err(|cause| match rank {
            0 => Error::io("read it", path, &cause),
            _ => Error::new(
                ExitCode::Internal,
                format!("{}: cannot read it on rank {rank}: {cause}; every rank reads its part", path.display()),
            ),
        });
        let (mine, file) = comm.agree(opened)?;
        let bytes = comm.broadcast(0, &[mine])[0];
        comm.agree(if mine == bytes {
            Ok(SharedFile { file, path: path.to_path_buf(), bytes })
        } else {
            Err(Error::new(
                ExitCode::Internal,
                format!(
                    "{}: cannot read it: it has {bytes} bytes on rank 0 and {mine} on rank {rank}, but every rank reads its part of the same file",
                    path.display()
                ),
            ))
        })
    }

    /// Its length in bytes; the same on every rank.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The error that says what is wrong with its content (exit code 3).
    pub fn error(&self, what: impl std::fmt::Display) -> Error {
        Error::input(format!("{}: {what}", self.path.display()))
    }

    /// Fills `bytes` with what lies from `at` on.
    ///
    /// # Errors
    /// When that cannot be read, or the file has become shorter.
    pub fn read_at(&self, bytes: &mut [u8], at: u64) -> Result<()> {
        read_exact_at(&self.file, bytes, at).map_err(|cause| Error::io("read it", &self.path, &cause))
    }
}

/// Writes a file of several sections, each of them rank 0's bytes, then rank 1's, and so on: every rank writes its
/// own at their place. Beside, on disk, then renamed: a file under its name is complete. What is not a
/// regular file (a pipe, /dev/stdout) gets its bytes in order, through rank 0. Collective; as many sections on
/// every rank.
///
/// # Errors
/// When a rank cannot write its bytes; the same on every rank, and an old file of that name is then still there.
pub fn write_together(comm: &Comm, path: &Path, sections: &[&[u8]]) -> Result<()> {
    let target = Target::of(path);
    // Rank 0 decides for all, as the others may see another file system; and makes the file before others open it.
    let mut file = Ok(None);
    if comm.is_root() {
        file = target.open().map(Some);
    }
    let is_stream = comm.broadcast(0, &[u8::from(target.is_stream())])[0] == 1;
    let opened = comm.agree(file.map_err(|cause| Error::io("write it", path, &cause)));
    let written = opened.and_then(|file| {
        if is_stream {
            through_root(comm, file, path, sections)
        } else {
            // To this rank it may look like what it prints to.
            let target = if comm.is_root() { &target } else { &Target::of_file(path) };
            at_its_place(comm, file, target, path, sections)
        }
    });
    comm.agree(match (comm.is_root(), written) {
        (true, Ok(())) => target.finish(Ok(()), path),
        (true, Err(error)) => {
            target.discard();
            Err(error)
        }
        (false, written) => written,
    })
}

fn at_its_place(comm: &Comm, file: Option<File>, target: &Target, path: &Path, sections: &[&[u8]]) -> Result<()> {
    let starts = places(comm, sections);
    let write = || -> io::Result<()> {
        let file = match file {
            Some(file) => file,
            None => OpenOptions::new().write(true).open(&target.beside)?,
        };
        for (start, bytes) in starts.into_iter().zip(sections) {
            write_all_at(&file, bytes, start)?;
            faults::enter(comm.rank(), "write");
        }
        file.sync_data()
    };
    comm.agree(write().map_err(|cause| Error::io("write it", path, &cause)))
}

/// Where this rank's bytes of each section begin.
fn places(comm: &Comm, sections: &[&[u8]]) -> Vec<u64> {
    let lengths: Vec<u64> = sections.iter().map(|section| section.len() as u64).collect();
    let of_all = comm.gather(0, &lengths);
    let mut starts = vec![Vec::new(); of_all.len()];
    let mut at = 0;
    for section in 0..lengths.len() {
        for (rank, lengths) in of_all.iter().enumerate() {
            starts[rank].push(at);
            at += lengths[section];
        }
    }
    comm.sparse_exchange(starts.into_iter().enumerate().collect()).pop().expect("rank 0 sends to every rank").1
}

fn through_root(comm: &Comm, file: Option<File>, path: &Path, sections: &[&[u8]]) -> Result<()> {
    let mut written = Ok(file);
    for section in sections {
        for writer in 0..comm.size() {
            let mine = if writer == comm.rank() { vec![(0, section.to_vec())] } else { Vec::new() };
            for (_, bytes) in comm.sparse_exchange(mine) {
                if let Ok(Some(open)) = &mut written
                    && let Err(cause) = open.write_all(&bytes)
                {
                    written = Err(cause);
                }
            }
        }
    }
    comm.agree(written.map(drop).map_err(|cause| Error::io("write it", path, &cause)))
}

#[cfg(unix)]
fn write_all_at(file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, at)
}

#[cfg(not(unix))]
fn write_all_at(mut file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
    io::Seek::seek(&mut file, io::SeekFrom::Start(at))?;
    file.write_all(bytes)
}

#[cfg(unix)]
fn read_exact_at(file: &File, bytes: &mut [u8], at: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, at)
}

#[cfg(not(unix))]
fn read_exact_at(mut file: &File, bytes: &mut [u8], at: u64) -> io::Result<()> {
    io::Seek::seek(&mut file, io::SeekFrom::Start(at))?;
    io::Read::read_exact(&mut file, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_lie_in_the_order_of_ranks_and_an_old_file_outlives_a_failure() {
        let folder = std::env::temp_dir().join(format!("halocg-shared-file-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        for ranks in [1, 2, 3, 7] {
            let path = folder.join("file");
            std::fs::write(&path, "old").unwrap();
            let write = |path: &Path| {
                let written = Comm::threads(ranks, |comm| {
                    let digit = comm.rank().to_string();
                    let head: &[u8] = if comm.is_root() { b"head " } else { b"" };
                    let body = digit.repeat(comm.rank());
                    write_together(comm, path, &[head, digit.as_bytes(), body.as_bytes()])
                });
                assert!(written.iter().all(|result| result == &written[0]));
                written[0].clone()
            };
            let all: Vec<usize> = (0..ranks).collect();
            let once: String = all.iter().map(usize::to_string).collect();
            let often: String = all.iter().map(|rank| rank.to_string().repeat(*rank)).collect();
            write(&path).unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("head {once}{often}"));
            write(Path::new("/dev/null")).unwrap();
            assert!(write(&folder.join("missing").join("file")).is_err());
            assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1, "nothing is left beside it");
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
