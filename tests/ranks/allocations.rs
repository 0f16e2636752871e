//! An iteration allocates nothing, on any engine; a method keeps the vectors that the table of methods says.

use crate::Body;
use crate::support::{Random, distribute_with, grid, random_owners};
use halocg::comm::Comm;
use halocg::krylov::{self, Preconditioning, Settings};
use halocg::operator::{MatrixOptions, Operator, Schedule};
use halocg::preconditioner;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

pub const BODIES: &[Body] = &[
    ("an iteration allocates nothing", nothing_is_allocated),
    ("a method keeps as many vectors as its table says", vectors_are_counted),
];

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    /// Bytes allocated and not yet given back. Threads pass each other memory: negative at times.
    static BYTES: Cell<i64> = const { Cell::new(0) };
}

/// The system's allocator, counting for each thread: ranks may be threads. (The other methods of the trait call these two.)
pub struct Counting;

// SAFETY: every call is passed on to `System` unchanged; the counter does not allocate.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        BYTES.set(BYTES.get() + layout.size() as i64);
        // SAFETY: the caller's promises are those that `System` asks for; so below.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        BYTES.set(BYTES.get() - layout.size() as i64);
        // SAFETY: as above.
        unsafe { System.dealloc(block, layout) }
    }
}

fn nothing_is_allocated(comm: &Comm) {
    let matrix = grid(40, 30);
    let owners = random_owners(&mut Random::new(21), matrix.rows(), comm.size());
    let ways = [Schedule::Overlap, Schedule::OneSweep].map(|way| [(way, comm.clone()), (way, comm.reproducible())]);
    for (schedule, comm) in ways.as_flattened() {
        let schedule = *schedule;
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

fn vectors_are_counted(comm: &Comm) {
    // So long that the history of a few iterates is nothing beside a vector.
    let matrix = grid(120, 100);
    let owners = random_owners(&mut Random::new(22), matrix.rows(), comm.size());
    for schedule in [Schedule::Overlap, Schedule::OneSweep] {
        let mut a = distribute_with(comm, &matrix, &owners, &MatrixOptions { schedule, ..MatrixOptions::default() });
        let len = a.layout().len();
        let b = vec![1.0; len];
        for (pc, with) in
            [("none", Preconditioning::None), ("jacobi", Preconditioning::Diagonal), ("ssor", Preconditioning::General)]
        {
            let mut m = preconditioner::Kind::named(pc).unwrap().build(&a).unwrap();
            for method in krylov::TABLE {
                let before = BYTES.get();
                let mut kept = 0;
                krylov::solve(&mut a, m.as_mut(), &b, None, method, &Settings::exactly(3), |snapshot| {
                    if snapshot.iteration == 2 {
                        kept = BYTES.get() - before;
                    }
                });
                let sweeps = schedule == Schedule::OneSweep && method.sweeps && with != Preconditioning::General;
                let vectors = method.cost.vectors(with, sweeps) - u32::from(with == Preconditioning::Diagonal);
                let rest = kept - i64::from(vectors) * (8 * len) as i64;
                assert!((0..4096).contains(&rest), "{} {pc} {schedule:?}: {kept} bytes of {len} rows", method.name);
            }
        }
    }
}
