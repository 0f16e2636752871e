//! Memory asked for before it is needed.

/// Asks for the cache line 4 KiB after `address`, whatever is there: the processor's own prefetching left a third of
/// what a core can read unused.
#[inline(always)]
#[allow(unsafe_code)]
pub(super) fn prefetch<T>(address: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every x86-64 processor has the instruction, and it neither reads nor writes what a program could see.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(address.cast::<i8>().wrapping_add(4096));
    }
    let _ = address;
}
