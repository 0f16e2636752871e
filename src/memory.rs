//! Large arrays in huge pages, and how much memory is left.

use std::alloc::{GlobalAlloc, Layout, System};

/// The system's allocator, asking Linux for huge pages (2 MiB) where an array is large enough.
///
/// A pass over memory then misses the address cache 512 times less often, and the prefetcher, which
/// stops at the end of a page, seldom stops. A program opts in with `#[global_allocator]`; elsewhere
/// than on Linux this is the system's allocator and nothing else.
pub struct HugePages;

// SAFETY: every call is passed on to `System` with its arguments unchanged, and its result is returned
// unchanged; `advise` neither reads nor writes the memory.
unsafe impl GlobalAlloc for HugePages {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are those that `System` asks for; so below.
        advise(unsafe { System.alloc(layout) }, layout.size())
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        advise(unsafe { System.alloc_zeroed(layout) }, layout.size())
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as above.
        advise(unsafe { System.realloc(block, layout, size) }, size)
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(block, layout) }
    }
}

/// Advice for the whole pages inside a block, if it is large. Returns the block.
fn advise(block: *mut u8, size: usize) -> *mut u8 {
    /// Two huge pages, so that at least one fits in whole.
    const LARGE: usize = 4 << 20;
    const PAGE: usize = 4096;
    if cfg!(target_os = "linux") && size >= LARGE && !block.is_null() {
        let skipped = block.align_offset(PAGE);
        // SAFETY: the range lies inside a block that the allocator has just given out, and the advice
        // changes the size of its pages, not what they hold. A refusal is of no consequence.
        #[cfg(target_os = "linux")]
        unsafe {
            libc::madvise(block.add(skipped).cast(), (size - skipped) / PAGE * PAGE, libc::MADV_HUGEPAGE)
        };
        let _ = skipped;
    }
    block
}

/// Whether the system gives so many bytes more, if it is asked now; true where it cannot be asked.
pub fn has_room(bytes: usize) -> bool {
    #[cfg(all(unix, not(miri)))]
    {
        let (protection, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: a new mapping at a place of the system's choice touches no memory that is in use; it is taken away again
        // whole, and nothing points into it.
        unsafe {
            let block = libc::mmap(std::ptr::null_mut(), bytes, protection, flags, -1, 0);
            block != libc::MAP_FAILED && libc::munmap(block, bytes) == 0
        }
    }
    #[cfg(not(all(unix, not(miri))))]
    {
        let _ = bytes;
        true
    }
}

/// The most bytes of memory that this process has held so far, as Linux tells it; None elsewhere.
pub fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let kilobytes = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(1024 * kilobytes.trim().trim_end_matches(" kB").parse::<u64>().ok()?)
}

/// Overrides [`available_bytes`].
const AVAILABLE_VARIABLE: &str = "HALOCG_AVAILABLE_BYTES";

/// Bytes of memory that this machine, or the container or batch job that this process belongs to, has left; None where
/// that cannot be found out. The environment variable HALOCG_AVAILABLE_BYTES overrides it.
pub fn available_bytes() -> Option<u64> {
    if let Some(bytes) = std::env::var(AVAILABLE_VARIABLE).ok().and_then(|bytes| bytes.parse().ok()) {
        return Some(bytes);
    }
    if !sysinfo::IS_SUPPORTED_SYSTEM {
        return None;
    }
    let mut system = sysinfo::System::new();
    system.refresh_memory();
    let of_the_group = system.cgroup_limits().map_or(u64::MAX, |limits| limits.free_memory);
    Some(system.available_memory().min(of_the_group)).filter(|&bytes| bytes > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn the_peak_grows_with_what_is_held() {
        const BYTES: u64 = 64 << 20;
        let before = peak_bytes().expect("Linux");
        let held = std::hint::black_box(vec![1_u8; BYTES as usize]);
        let after = peak_bytes().expect("Linux");
        assert!(after >= before && after >= BYTES, "{before} {after}");
        drop(held);
        // Linux adds up now and then what each processor has counted: the more processors, the more may be missing, 256 kB
        // with two of them. If the peak did not stay, the whole array would be.
        assert!(peak_bytes().expect("Linux") >= after - BYTES / 4, "a peak stays");
    }
}
