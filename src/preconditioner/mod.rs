//! Preconditioners, and the table of them.

mod identity;
mod jacobi;
#[allow(clippy::module_inception)]
mod preconditioner;

pub use identity::Identity;
pub use jacobi::Jacobi;
pub use preconditioner::Preconditioner;

use crate::comm::{Comm, Phase};
use crate::error::Result;
use crate::operator::Operator;

/// A row of the table of preconditioners.
#[derive(Debug)]
pub struct Kind {
    /// What it is called on the command line and in reports.
    pub name: &'static str,
    /// One line for the help text.
    pub about: &'static str,
    build: fn(&dyn Operator) -> Result<Box<dyn Preconditioner>>,
}

/// Every preconditioner there is.
pub const TABLE: &[Kind] = &[
    Kind { name: "none", about: "no preconditioner", build: |_| Ok(Box::new(Identity)) },
    Kind { name: "jacobi", about: "diagonal scaling", build: |a| Ok(Box::new(Jacobi::new(a)?)) },
];

impl Kind {
    /// The row called `name`.
    pub fn named(name: &str) -> Option<&'static Kind> {
        TABLE.iter().find(|kind| kind.name == name)
    }

    /// Builds the preconditioner of `a`. Collective.
    ///
    /// # Errors
    /// When `a` does not allow it; the same error on every rank.
    pub fn build(&self, a: &dyn Operator) -> Result<Box<dyn Preconditioner>> {
        let inner = a.layout().comm().agree((self.build)(a))?;
        Ok(if inner.is_identity() { inner } else { Box::new(Booked { inner, comm: a.layout().comm().clone() }) })
    }
}

/// A preconditioner whose applications are timed and counted in the rank's profile.
struct Booked {
    inner: Box<dyn Preconditioner>,
    comm: Comm,
}

impl Booked {
    fn book(&mut self, vectors: u64, apply: impl FnOnce(&mut dyn Preconditioner)) {
        self.comm.profile().count(|counts| counts.preconditioned += vectors);
        self.comm.timed(Phase::Preconditioner, || apply(self.inner.as_mut()));
    }
}

impl Preconditioner for Booked {
    fn apply(&mut self, r: &[f64], z: &mut [f64]) {
        self.book(1, |inner| inner.apply(r, z));
    }

    fn apply_pair(&mut self, r: &[[f64; 2]], z: &mut [[f64; 2]]) {
        self.book(2, |inner| inner.apply_pair(r, z));
    }
}
