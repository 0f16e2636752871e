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
//! The modules, from the ground up (a module uses only those above it in this list):
//!
//! * [`error`]: what can go wrong, and the exit codes;
//! * [`faults`]: failures on purpose, for tests;
//! * [`files`]: files that appear when they are complete;
//! * [`memory`]: large arrays in huge pages, and how much memory is left;
//! * [`signals`]: signals that ask for an end;
//! * [`tridiagonal`]: eigenvalues of tridiagonal matrices;
//! * [`simd`]: vector instructions, chosen at run time;
//! * [`exponent`]: powers of two;
//! * [`binned`]: sums whose bits do not depend on the order of their terms;
//! * [`vector`]: a rank's own rows of a vector;
//! * [`comm`]: ranks, sums, exchanges;
//! * [`shared_file`]: files that all ranks read or write together;
//! * [`text`]: text files that all ranks read together;
//! * [`problem`]: what is to be solved, read or generated;
//! * [`partition`]: who owns which row;
//! * [`distributed`]: rows on their owners, and the halo between them;
//! * [`operator`]: matrices that can be multiplied with;
//! * [`preconditioner`] and [`krylov`]: the tables of preconditioners and methods, and the driver;
//! * [`performance`]: how long an iteration takes, by method: the model, and what it is fitted to;
//! * [`checkpoint`]: the state of a solve in a file;
//! * [`report`]: what happened, in several forms;
//! * [`pipeline`]: the flow itself, as a program runs it; [`cli`]: its arguments.
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

pub mod binned;
pub mod checkpoint;
pub mod cli;
pub mod comm;
pub mod distributed;
pub mod error;
pub mod exponent;
pub mod faults;
pub mod files;
pub mod krylov;
#[allow(unsafe_code)]
pub mod memory;
pub mod operator;
pub mod partition;
pub mod performance;
pub mod pipeline;
pub mod preconditioner;
pub mod problem;
pub mod report;
pub mod shared_file;
pub mod signals;
pub mod simd;
pub mod text;
pub mod tridiagonal;
pub mod vector;

/// The program in the guide is tested with the examples of the documentation.
#[cfg(doctest)]
#[doc = include_str!("../docs/guide.md")]
struct Guide;
