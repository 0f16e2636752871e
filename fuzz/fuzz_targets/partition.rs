//! A partition file; the first bytes are the number of rows and of future ranks.
#![no_main]

use halocg::partition::{self, Partition};
use halocg::problem::{EvenSplit, Problem, Stencil};
use halocg_fuzz::{judged, path_of};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let [n, parts, bytes @ ..] = bytes else { return };
    let (n, parts) = (u64::from(*n).max(3), usize::from(*parts).max(1));
    let problem = Problem::Stencil(Stencil::new([n, 1, 1], 2, 5).expect("a grid of one column"));
    let partition = Partition::File(path_of(bytes));
    let _ = judged(bytes, |comm| {
        let owners = partition::assign_parts(comm, &problem, &partition, parts)?;
        let share: Vec<u64> = EvenSplit { n, ranks: comm.size() }.share(comm.rank()).collect();
        let owners: Vec<u64> = owners.of(comm, &share).into_iter().map(|owner| owner as u64).collect();
        assert!(owners.len() == share.len() && owners.iter().all(|&owner| owner < parts as u64));
        Ok(owners)
    });
});
