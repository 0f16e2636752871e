//! A checkpoint, for a problem of 5 rows. With an odd first byte its checksum is put right.
#![no_main]

use halocg::checkpoint::{self, Identity};
use halocg::distributed::Layout;
use halocg_fuzz::{judged, path_of, sums};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((&first, bytes)) = bytes.split_first() else { return };
    let mut bytes = bytes.to_vec();
    if first % 2 == 1 {
        sums::of_checkpoint(&mut bytes);
    }
    let path = path_of(&bytes);
    let identity = Identity { n: 5, matrix: 1, rhs: 2, owners: 3, method: "hs-cg".into() };
    let _ = judged(&bytes, |comm| {
        let layout = Layout::even(comm, identity.n);
        let (saved, same_owners) = checkpoint::read(&layout, &path, &identity)?;
        let mut words = Vec::new();
        if comm.is_root() {
            words.extend([saved.iteration, saved.history.len() as u64, same_owners.into()]);
            words.extend(saved.scalars.into_iter().map(f64::to_bits));
        }
        for vector in saved.vectors {
            assert_eq!(vector.len(), layout.len());
            // In the order of the rows on the first rank, however many ranks there are.
            words.extend(comm.gather(0, &vector).into_iter().flatten().map(f64::to_bits));
        }
        Ok(words)
    });
});
