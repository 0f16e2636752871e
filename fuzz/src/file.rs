//! One file in memory, without a name that could be left behind.

use std::fs::File;
use std::io::{Seek, Write};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex};

static SCRATCH: LazyLock<Mutex<(File, PathBuf)>> = LazyLock::new(|| {
    let named = Path::new("/dev/shm").join(format!("halocg-fuzz-{}", std::process::id()));
    let file = File::options().read(true).write(true).create(true).truncate(true).open(&named).expect("a file in memory");
    std::fs::remove_file(&named).expect("its name taken away");
    let path = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
    Mutex::new((file, path))
});

/// The path of a file that holds these bytes until the next call.
pub fn path_of(bytes: &[u8]) -> PathBuf {
    let (file, path) = &mut *SCRATCH.lock().expect("no panic is caught");
    let written = file.rewind().and_then(|()| file.set_len(0)).and_then(|()| file.write_all(bytes));
    written.expect("room for a small file");
    path.clone()
}
