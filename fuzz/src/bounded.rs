//! An allocator that ends the program when more than a bound is allocated at a time.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Bytes that any reading may hold (buffers of fixed size), and bytes for each byte of the file. The shortest entry, ` 1 1`,
/// has four bytes in its file and becomes two entries of 16 bytes, in staging areas and in the result, with growing vectors'
/// spare room.
const BASE: usize = 1 << 19;
const PER_BYTE: usize = 64;
/// The most that gzip can save.
const GZIP: usize = 1032;

struct Limited;

#[global_allocator]
static ALLOCATOR: Limited = Limited;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static LIMIT: AtomicUsize = AtomicUsize::new(usize::MAX);

/// Runs `read`, which may hold so much at a time as suits a file of these bytes.
pub fn bounded<T>(bytes: &[u8], read: impl FnOnce() -> T) -> T {
    let length = bytes.len() * if bytes.starts_with(&[0x1f, 0x8b]) { GZIP } else { 1 };
    LIMIT.store(LIVE.load(Relaxed) + BASE + PER_BYTE * length, Relaxed);
    let result = read();
    LIMIT.store(usize::MAX, Relaxed);
    result
}

fn grow(size: usize) {
    let (live, limit) = (LIVE.fetch_add(size, Relaxed).saturating_add(size), LIMIT.load(Relaxed));
    if live > limit {
        LIMIT.store(usize::MAX, Relaxed); // the report below may allocate
        eprintln!("allocation of {size} bytes exceeds the bound by {}", live - limit);
        eprintln!("{}", std::backtrace::Backtrace::force_capture());
        std::process::abort();
    }
}

// SAFETY: every call is passed on to `System` with its arguments unchanged, and its result is returned unchanged.
unsafe impl GlobalAlloc for Limited {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grow(layout.size());
        // SAFETY: the caller's promises are those that `System` asks for; so below.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        grow(layout.size());
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        grow(size);
        LIVE.fetch_sub(layout.size(), Relaxed);
        // SAFETY: as above.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(block, layout) }
    }
}
