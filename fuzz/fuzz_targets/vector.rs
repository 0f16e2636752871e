//! A right-hand side or initial guess, in any format; the first byte is the number of rows. With an odd second byte the
//! checksums of a .hcg file are put right.
#![no_main]

use halocg::problem;
use halocg_fuzz::{judged, path_of, sums};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let [n, second, bytes @ ..] = bytes else { return };
    let mut bytes = bytes.to_vec();
    if second % 2 == 1 {
        sums::of_hcg(&mut bytes);
    }
    let path = path_of(&bytes);
    let read = judged(&bytes, |comm| {
        Ok(problem::read_vector(comm, &path, u64::from(*n))?.into_iter().map(f64::to_bits).collect())
    });
    if let Ok(values) = read {
        assert_eq!(values.len(), usize::from(*n));
        assert!(values.into_iter().all(|bits| f64::from_bits(bits).is_finite()));
    }
});
