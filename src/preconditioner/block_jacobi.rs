//! Block Jacobi: each rank's own block, and the table of ways to solve with it.

use super::ic0::Ic0;
use super::preconditioner::Preconditioner;
use super::ssor::ssor;
use crate::error::Result;
use crate::operator::Operator;

/// A row of the table of block solvers: block Jacobi is M = the blocks of owned rows and columns,
/// one per rank, each replaced by what its solver takes for it. The couplings between ranks are left
/// out, so all of them depend on the partition, and none communicates.
#[derive(Debug)]
pub struct SubKind {
    /// What it is called on the command line and in reports.
    pub name: &'static str,
    /// Other names, PETSc's among them.
    pub aliases: &'static [&'static str],
    /// One line for the help text.
    pub about: &'static str,
    pub(super) build: fn(&dyn Operator) -> Result<Box<dyn Preconditioner>>,
}

/// Every block solver there is.
pub const SUB_TABLE: &[SubKind] = &[
    SubKind {
        name: "ic0",
        aliases: &["icc"],
        about: "incomplete Cholesky without fill, its diagonal shifted if it breaks down",
        build: |a| Ok(Box::new(Ic0::new(a)?)),
    },
    SubKind {
        name: "ssor",
        aliases: &["sor"],
        about: "a sweep of Gauss-Seidel forwards and one backwards",
        build: |a| Ok(Box::new(ssor(a)?)),
    },
    #[cfg(feature = "cholesky")]
    SubKind {
        name: "cholesky",
        aliases: &[],
        about: "exact sparse Cholesky",
        build: |a| Ok(Box::new(super::cholesky::Cholesky::new(a)?)),
    },
];

impl SubKind {
    /// The row called `name`, or one of whose aliases is `name`.
    pub fn named(name: &str) -> Option<&'static SubKind> {
        SUB_TABLE.iter().find(|kind| kind.name == name || kind.aliases.contains(&name))
    }
}
