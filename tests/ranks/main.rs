//! Tests of what several ranks do together: the same bodies on threads and under `mpirun`, on 1, 2,
//! 3, 4 and 7 ranks. A body is a function of a `Comm`; it panics when it fails.
//!
//! Under `mpirun` this program starts itself again, with the body's name in an environment variable. Under Miri, a thousand
//! times slower and without foreign functions, a few bodies run, on fewer and smaller problems.

#[path = "../common/mod.rs"]
mod common;

mod allocations;
mod choice;
mod communication;
mod counting;
mod dense;
mod files;
mod function;
mod health;
mod input;
mod layout;
mod partitions;
mod preconditioners;
mod product;
mod reference;
mod reproducible;
mod saved;
mod scalars;
mod scales;
mod small;
mod solve;
mod sums;
mod support;

use common::{HAS_MPI, Launch, RANKS};
use halocg::comm::{self, Comm};
use libtest_mimic::{Arguments, Trial};

// Miri's rules of aliasing know no header in front of a block.
#[cfg(not(miri))]
#[global_allocator]
static ALLOCATOR: allocations::Counting = allocations::Counting;

/// A name and a test body.
type Body = (&'static str, fn(&Comm));

/// Says which body a copy of this program under mpirun is to run.
const BODY_VARIABLE: &str = "HALOCG_TEST_BODY";

fn bodies() -> Vec<Body> {
    if cfg!(miri) {
        return [communication::BODIES, small::BODIES].concat();
    }
    [
        allocations::BODIES,
        choice::BODIES,
        communication::BODIES,
        counting::BODIES,
        dense::BODIES,
        files::BODIES,
        function::BODIES,
        health::BODIES,
        input::BODIES,
        layout::BODIES,
        partitions::BODIES,
        preconditioners::BODIES,
        product::BODIES,
        saved::BODIES,
        scalars::BODIES,
        scales::BODIES,
        small::BODIES,
        reference::BODIES,
        reproducible::BODIES,
        solve::BODIES,
        sums::BODIES,
    ]
    .concat()
}

fn main() {
    if let Ok(name) = std::env::var(BODY_VARIABLE) {
        return run_under_mpi(&name);
    }
    let mut arguments = Arguments::from_args();
    // The ranks of one test fill the machine; those of two wait for each other's.
    arguments.test_threads.get_or_insert(1);
    let mut trials = Vec::new();
    for (name, body) in bodies() {
        trials.push(Trial::test(format!("{name} alone"), move || {
            body(&Comm::alone());
            Ok(())
        }));
        for ranks in RANKS {
            trials.push(Trial::test(format!("{name} threads {ranks}"), move || {
                Comm::threads(ranks, body);
                Ok(())
            }));
            if HAS_MPI {
                trials.push(Trial::test(format!("{name} mpirun {ranks}"), move || start_under_mpi(name, ranks)));
            }
        }
    }
    trials.push(Trial::test("halos of boxes by formula threads 1 to 64", || {
        partitions::boxes_by_formula();
        Ok(())
    }));
    for &(name, body) in input::LARGE {
        let on_threads = Trial::test(format!("{name} threads 2"), move || {
            Comm::threads(2, body);
            Ok(())
        });
        trials.push(on_threads.with_ignored_flag(true));
        if HAS_MPI {
            let under_mpi = Trial::test(format!("{name} mpirun 2"), move || start_under_mpi(name, 2));
            trials.push(under_mpi.with_ignored_flag(true));
        }
    }
    libtest_mimic::run(&arguments, trials).exit();
}

fn start_under_mpi(name: &str, ranks: usize) -> Result<(), libtest_mimic::Failed> {
    let program = std::env::current_exe()?;
    let mut command = Launch::Mpirun(ranks).command(&program);
    command.env(BODY_VARIABLE, name);
    match common::finish(command) {
        common::Finished { code: Some(0), stdout, .. } => {
            print!("{stdout}");
            Ok(())
        }
        common::Finished { code, stdout, stderr } => Err(format!("exit code {code:?}\n{stdout}\n{stderr}").into()),
    }
}

#[cfg(feature = "mpi")]
fn run_under_mpi(name: &str) {
    std::panic::set_hook(Box::new(|info| {
        eprintln!("{info}");
        comm::abort_job(101)
    }));
    let all = bodies().into_iter().chain(input::LARGE.iter().copied());
    let (_, body) = all.into_iter().find(|body| body.0 == name).expect("the body exists");
    let comm = Comm::mpi().expect("MPI starts");
    body(&comm);
}

#[cfg(not(feature = "mpi"))]
fn run_under_mpi(_: &str) {
    comm::abort_job(101)
}
