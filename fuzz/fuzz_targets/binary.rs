//! A binary file of a matrix: .hcg or PETSc's. An odd first byte asks for the checksums of a .hcg file to be put right.
#![no_main]

use halocg_fuzz::{read_matrix, sums};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((&first, bytes)) = bytes.split_first() else { return };
    let mut bytes = bytes.to_vec();
    if first % 2 == 1 {
        sums::of_hcg(&mut bytes);
    }
    let _ = read_matrix(&bytes);
});
