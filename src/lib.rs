//! halocg solves sparse symmetric positive definite systems A x = b with conjugate gradients,
//! distributed over MPI ranks, over threads, or on one processor, with the same code.
//!
//! Its centre is PIPE-PR-CG, the pipelined predict-and-recompute conjugate gradient method of
//! Chen & Carson (2020): one global sum per iteration, in flight while two matrix products run in
//! one pass over the matrix and one exchange with the neighbours.
//!
//! Data flows one way; each stage consumes what the one before made:
//!
//! ```text
//! cli → problem → partition → distributed → operator, preconditioner → krylov → report
//! ```
//!
//! # The public surface
//!
//! What a program on the library uses, in the order in which it does; what these modules show changes with the version
//! number only:
//!
//! * [`comm`]: ranks, sums, exchanges; a body of code gets a [`Comm`](comm::Comm) and runs on each rank;
//! * [`problem`]: what is to be solved: read, generated, or rows from the caller's memory;
//! * [`partition`]: who owns which row;
//! * [`distributed`]: rows on their owners, vectors between owners and the root, the halo;
//! * [`operator`]: matrices that can be multiplied with, one's own among them;
//! * [`preconditioner`]: the table of preconditioners, and the trait for one's own;
//! * [`krylov`]: the table of methods, and the driver, [`solve`](krylov::solve) or, to be asked between iterations,
//!   [`solve_watched`](krylov::solve_watched);
//! * [`vector`]: parts of inner products, for those who write an operator;
//! * [`error`]: what can go wrong, and the exit codes.
//!
//! # All modules
//!
//! From the ground up: a module uses only those above it in this list. Those without a link serve the program, the tests
//! and the benchmarks, and may change at any time; their documentation stands in their source.
//!
//! * [`error`]; `faults`: failures on purpose, for tests; `files`: files that appear when they are complete;
//! * `memory`: large arrays in huge pages, and how much memory is left; `signals`: signals that ask for an end;
//! * `tridiagonal`: eigenvalues of tridiagonal matrices; `simd`: vector instructions, chosen at run time; `exponent`:
//!   powers of two;
//! * `binned`: sums whose bits do not depend on the order of their terms; [`vector`]: a rank's own rows of a vector;
//! * [`comm`]; `shared_file`: files that all ranks read or write together; `text`: text files that all ranks read together;
//! * [`problem`]; [`partition`]; [`distributed`]; [`operator`]; [`preconditioner`]; [`krylov`];
//! * `performance`: how long an iteration takes, by method: the model, and what it is fitted to;
//! * `checkpoint`: the state of a solve in a file; `report`: what happened, in several forms;
//! * `pipeline`: the flow itself, as a program runs it; `cli`: its arguments.
//!
//! # Words
//!
//! A row is *owned* by one rank; a *ghost* is a row owned by a neighbour whose value is needed here.
//! *Interior* rows touch owned columns only, *boundary* rows touch ghosts. The *halo* is the
//! exchange of ghosts. *Collective* means that every rank calls it, in the same order.
//!
//! # A program on the library
//!
//! Four ranks as threads solve a 2D Poisson problem:
//!
//! ```
//! use halocg::comm::Comm;
//! use halocg::distributed::rows_to_owners;
//! use halocg::krylov::{self, Settings};
//! use halocg::operator::{DistMatrix, Operator};
//! use halocg::partition::{self, Partition};
//! use halocg::preconditioner;
//! use halocg::problem::{self, Source, Stencil};
//!
//! let grid = Stencil::new([30, 20, 1], 2, 5).expect("5 points belong to 2 dimensions");
//! let iterations = Comm::threads(4, |comm| {
//!     let problem = problem::load(comm, &Source::Poisson(grid))?;
//!     let owners = partition::assign(comm, &problem, &Partition::Metis)?;
//!     let rows = rows_to_owners(comm, &problem, &owners);
//!     let mut a = DistMatrix::new(comm, problem.n(), rows, &owners);
//!     let mut m = preconditioner::Kind::named("jacobi").unwrap().build(&a)?;
//!     let b = vec![1.0; a.layout().len()];
//!     let method = krylov::Kind::named("pipe-pr-cg").unwrap();
//!     let outcome = krylov::solve(&mut a, m.as_mut(), &b, None, method, &Settings::default(), |_| ());
//!     assert!(outcome.reason.is_converged());
//!     Ok::<_, halocg::error::Error>(outcome.iterations)
//! });
//! assert!(iterations.iter().all(|count| count == &iterations[0]));
//! ```
//!
//! More of the kind, in `examples/`: `triplets.rs`, a system from triplets; `matrix_free.rs`, an operator of one's own that
//! is nothing but a function; `preconditioner.rs`, a preconditioner of one's own; `read_and_solve.rs`, a file read, dealt
//! out and solved under mpirun; `own_communicator.rs`, a program that has initialised MPI itself and lends a
//! communicator.

#![deny(unsafe_code)]
#![warn(missing_docs)]

pub mod comm;
pub mod distributed;
pub mod error;
pub mod krylov;
pub mod operator;
pub mod partition;
pub mod preconditioner;
pub mod problem;
pub mod vector;

mod binned;
mod files;
mod shared_file;
mod simd;
mod text;
mod tridiagonal;

// Public for the program, its tests and its benchmarks alone.
#[doc(hidden)]
pub mod checkpoint;
#[doc(hidden)]
pub mod cli;
#[doc(hidden)]
pub mod exponent;
#[doc(hidden)]
pub mod faults;
#[doc(hidden)]
#[allow(unsafe_code)]
pub mod memory;
#[doc(hidden)]
pub mod performance;
#[doc(hidden)]
pub mod pipeline;
#[doc(hidden)]
pub mod report;
#[doc(hidden)]
pub mod signals;

/// The program in the guide is tested with the examples of the documentation.
#[cfg(doctest)]
#[doc = include_str!("../docs/guide.md")]
struct Guide;
