//! An iteration allocates nothing, on any engine; a method keeps the vectors that the table of methods says.

use crate::Body;
use crate::support::{Random, distribute_with, grid, random_owners};
use halocg::comm::Comm;
use halocg::comm::measure::{SumChoice, choose_sum};
use halocg::krylov::{self, Preconditioning, Settings};
use halocg::operator::{MatrixOptions, Operator, Schedule};
use halocg::preconditioner;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicIsize, AtomicUsize, Ordering::Relaxed};

pub const BODIES: &[Body] = &[
    ("an iteration allocates nothing", nothing_is_allocated),
    ("a method keeps as many vectors as its table says", vectors_are_counted),
    ("a sum by recursive doubling allocates nothing", doubling_allocates_nothing),
];

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    /// Which of the counters is this thread's; 0 before its first allocation.
    static COUNTER: Cell<usize> = const { Cell::new(0) };
}

/// Bytes that blocks hold which a thread has allocated, whoever frees them, and the most there were.
struct Held {
    now: AtomicIsize,
    most: AtomicIsize,
}

/// More than there are threads at a time.
static HELD: [Held; 1024] = [const { Held { now: AtomicIsize::new(0), most: AtomicIsize::new(0) } }; 1024];
static THREADS: AtomicUsize = AtomicUsize::new(0);

fn counter() -> usize {
    if COUNTER.get() == 0 {
        COUNTER.set(1 + THREADS.fetch_add(1, Relaxed) % (HELD.len() - 1));
    }
    COUNTER.get()
}

/// Bytes that this thread has allocated and nobody has given back.
fn held_bytes() -> i64 {
    HELD[counter()].now.load(Relaxed) as i64
}

/// Bytes that this thread holds at most while `work` is done, beyond those of before.
pub fn most_bytes<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let held = &HELD[counter()];
    let before = held.now.load(Relaxed);
    held.most.store(before, Relaxed);
    let done = work();
    (done, (held.most.load(Relaxed) - before).max(0) as usize)
}

/// The system's allocator, counting for each thread: ranks may be threads. Before a block lies the number of its counter.
pub struct Counting;

/// The block with room for that number in front, and how much room.
fn with_front(layout: Layout) -> (Layout, usize) {
    let front = layout.align().max(align_of::<usize>());
    let size = layout.size().checked_add(front).expect("a block of some size");
    (Layout::from_size_align(size, front).expect("the alignment is a power of two"), front)
}

// SAFETY: a block is one of `System`'s, larger by `front` bytes and aligned at least as strictly. What the caller gets
// begins `front` bytes, a multiple of the alignment, further on; `dealloc` goes back by the same. The counters do not allocate.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        let (whole, front) = with_front(layout);
        // SAFETY: `whole` is not empty.
        let block = unsafe { System.alloc(whole) };
        if block.is_null() {
            return block;
        }
        let number = counter();
        let now = HELD[number].now.fetch_add(layout.size() as isize, Relaxed) + layout.size() as isize;
        HELD[number].most.fetch_max(now, Relaxed);
        // SAFETY: the block begins with `front` bytes, aligned for and large enough for a usize.
        unsafe {
            block.cast::<usize>().write(number);
            block.add(front)
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let (whole, front) = with_front(layout);
        // SAFETY: the block came from `alloc` with the same layout, so it has a front with a number in it.
        unsafe {
            let start = block.sub(front);
            HELD[start.cast::<usize>().read()].now.fetch_sub(layout.size() as isize, Relaxed);
            System.dealloc(start, whole)
        }
    }
}

/// With each way to sum that the engine knows.
fn nothing_is_allocated(comm: &Comm) {
    for choice in [SumChoice::Engine, SumChoice::RecursiveDoubling] {
        if choose_sum(comm, choice).is_ok() {
            iterations_allocate_nothing(comm, choice);
        }
    }
}

fn iterations_allocate_nothing(comm: &Comm, choice: SumChoice) {
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
                assert_eq!(after - before, 0, "{} {} {schedule:?} {choice:?}", method.name, pc.name);
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
                let before = held_bytes();
                let mut kept = 0;
                krylov::solve(&mut a, m.as_mut(), &b, None, method, &Settings::exactly(3), |snapshot| {
                    if snapshot.iteration == 2 {
                        kept = held_bytes() - before;
                    }
                });
                let sweeps = schedule == Schedule::OneSweep && method.sweeps && with != Preconditioning::General;
                let vectors = method.cost.vectors(with, sweeps) - u32::from(with == Preconditioning::Diagonal);
                let rest = kept - i64::from(vectors) * (8 * len) as i64;
                // Less by what was taken before and is free by now, as a message from another thread; a vector is far more.
                assert!(rest.abs() < 4096, "{} {pc} {schedule:?}: {kept} bytes of {len} rows", method.name);
            }
        }
    }
}

fn doubling_allocates_nothing(comm: &Comm) {
    if choose_sum(comm, SumChoice::RecursiveDoubling).is_err() {
        return;
    }
    let mut words = [1.0; 5];
    comm.sum(&mut words);
    let before = ALLOCATIONS.get();
    for round in 0..100 {
        let sum = comm.start_sum(&words[..1 + round % 5]);
        comm.poll();
        sum.finish(&mut words[..1 + round % 5]);
    }
    assert_eq!(ALLOCATIONS.get() - before, 0);
}
