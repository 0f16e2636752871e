//! A program that owns MPI: it initialises and finalises, and lends halocg a communicator of half of its ranks.
//!
//! ```text
//! cargo build --release --example own_communicator
//! mpirun -n 4 target/release/examples/own_communicator
//! ```
//!
//! The other half computes something else meanwhile, with messages of its own on the same communicator.

#[cfg(all(test, feature = "mpi"))]
#[path = "../tests/common/mod.rs"]
mod common;

#[cfg(feature = "mpi")]
mod host {
    use halocg::comm::Comm;
    use halocg::comm::rsmpi;
    use halocg::distributed::rows_to_owners;
    use halocg::error::Result;
    use halocg::krylov::{self, Settings};
    use halocg::operator::{DistMatrix, Operator};
    use halocg::partition::{self, Partition};
    use halocg::preconditioner;
    use halocg::problem::{self, Source, Stencil};
    use rsmpi::collective::SystemOperation;
    use rsmpi::topology::Color;
    use rsmpi::traits::*;

    /// The largest value of the solution of a Poisson problem. Collective.
    fn solve(comm: &Comm) -> Result<f64> {
        let grid = Stencil::new([40, 40, 1], 2, 5).expect("5 points belong to 2 dimensions");
        let problem = problem::load(comm, &Source::Poisson(grid))?;
        let owners = partition::assign(comm, &problem, &Partition::Boxes)?;
        let mut a = DistMatrix::new(comm, problem.n(), rows_to_owners(comm, &problem, &owners), &owners);
        let mut m = preconditioner::Kind::named("jacobi").expect("it is in the table").build(&a)?;
        let b = vec![1.0; a.layout().len()];
        let method = krylov::Kind::named("pipe-pr-cg").expect("it is in the table");
        let outcome = krylov::solve(&mut a, m.as_mut(), &b, None, method, &Settings::default(), |_| ());
        assert!(outcome.reason.is_converged(), "{:?}", outcome.reason);
        let mut largest = [outcome.x.into_iter().fold(0.0, f64::max)];
        comm.reduce_f64(halocg::comm::Op::Max, &mut largest);
        Ok(largest[0])
    }

    pub fn main() {
        let universe = rsmpi::initialize().expect("nobody else has initialised MPI");
        let world = universe.world();
        let (rank, size) = (world.rank(), world.size());
        // The first half, rounded up, solves.
        let solves = 2 * rank < size;
        let half = world.split_by_color(Color::with_value(i32::from(!solves))).expect("every rank has a color");
        let mine = if solves {
            // Dropped at the end of the block: before MPI is finalised, and before `half`.
            let comm = Comm::over(&half).expect("MPI runs");
            assert_eq!((comm.rank(), comm.size()), (rank as usize, (size as usize).div_ceil(2)));
            solve(&comm).expect("this system has a solution")
        } else {
            let mut ranks = 0;
            half.all_reduce_into(&1, &mut ranks, SystemOperation::sum());
            assert_eq!(ranks, size / 2);
            0.0
        };
        // The world is still the host's: nobody has finalised it.
        let mut largest: f64 = 0.0;
        world.all_reduce_into(&mine, &mut largest, SystemOperation::max());
        if rank == 0 {
            println!("{} of {size} ranks solved: the largest value is {largest:.3}", size - size / 2);
        }
        assert!((largest - 124.0).abs() < 2.0, "{largest}");
    }
}

#[cfg(feature = "mpi")]
fn main() {
    host::main();
}

#[cfg(not(feature = "mpi"))]
fn main() {
    println!("this example needs the feature mpi");
}

#[cfg(all(test, feature = "mpi"))]
#[test]
fn it_runs() {
    common::as_ranks_of_mpirun("it_runs", &[1, 2, 4], main);
}
