//! A file of a mesh.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = halocg_fuzz::read_matrix(bytes);
});
