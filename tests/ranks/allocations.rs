//! An iteration allocates nothing, on any engine.

use crate::Body;
use crate::support::{Random, distribute_with, grid, random_owners};
use halocg::comm::Comm;
use halocg::krylov::{self, Settings};
use halocg::operator::{MatrixOptions, Operator, Schedule};
use halocg::preconditioner;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

pub const BODIES: &[Body] = &[("an iteration allocates nothing", nothing_is_allocated)];

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

/// The system's allocator, counting for each thread: ranks may be threads.
pub struct Counting;

// SAFETY: every call is passed on to `System` unchanged; the counter does not allocate.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promises are those that `System` asks for; so below.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(block, layout) }
    }
}

fn nothing_is_allocated(comm: &Comm) {
    let matrix = grid(40, 30);
    let owners = random_owners(&mut Random::new(21), matrix.rows(), comm.size());
    for schedule in [Schedule::Overlap, Schedule::OneSweep] {
        let mut a = distribute_with(comm, &matrix, &owners, &MatrixOptions { schedule, ..MatrixOptions::default() });
        let b = vec![1.0; a.layout().len()];
        for pc in preconditioner::TABLE {
            for method in krylov::TABLE {
                let mut m = pc.build(&a).unwrap();
                // gv-cg-rr replaces its residual when it has nearly converged, and allocates for that.
                if method.name == "gv-cg-rr" && pc.name != "none" {
                    continue;
                }
                // The history grows in powers of two: not between these iterates.
                let (first, last) = (9, 15);
                let (mut before, mut after) = (0, 0);
                let settings = Settings::exactly(20);
                krylov::solve(&mut a, m.as_mut(), &b, None, method, &settings, |snapshot| match snapshot.iteration {
                    k if k == first => before = ALLOCATIONS.get(),
                    k if k == last => after = ALLOCATIONS.get(),
                    _ => (),
                });
                assert!(before > 0, "allocations are counted");
                assert_eq!(after - before, 0, "{} {} {schedule:?}", method.name, pc.name);
            }
        }
    }
}
