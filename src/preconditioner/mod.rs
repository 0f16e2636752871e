//! Preconditioners, and the table of them.

mod block_jacobi;
mod chebyshev;
#[cfg(feature = "cholesky")]
mod cholesky;
mod factor;
mod ic0;
mod identity;
mod jacobi;
mod lanczos;
#[allow(clippy::module_inception)]
mod preconditioner;
mod scaled;
mod ssor;

pub use block_jacobi::{SUB_TABLE, SubKind};
pub use chebyshev::Chebyshev;
#[cfg(feature = "cholesky")]
pub use cholesky::Cholesky;
pub use ic0::Ic0;
pub use identity::Identity;
pub use jacobi::Jacobi;
pub use preconditioner::Preconditioner;
pub(crate) use scaled::Scaled;

use crate::comm::{Comm, Counts, Phase};
use crate::error::Result;
use crate::operator::Operator;

/// A row of the table of preconditioners.
#[derive(Debug)]
pub struct Kind {
    /// What it is called on the command line and in reports.
    pub name: &'static str,
    /// Other names, PETSc's among them.
    pub aliases: &'static [&'static str],
    /// One line for the help text.
    pub about: &'static str,
    /// True if M is the same, but for rounding, whoever owns which rows.
    pub independent_of_partition: bool,
    /// True if M is diagonal (or I).
    pub is_diagonal: bool,
    build: fn(&dyn Operator, &Options) -> Result<Box<dyn Preconditioner>>,
}

/// What some preconditioners can be told.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How block Jacobi solves with its blocks.
    pub sub_pc: &'static SubKind,
    /// The degree of the Chebyshev polynomial: products with A per application.
    pub chebyshev_degree: u32,
}

impl Default for Options {
    fn default() -> Options {
        Options { sub_pc: &SUB_TABLE[0], chebyshev_degree: 4 }
    }
}

/// Every preconditioner there is.
pub const TABLE: &[Kind] = &[
    Kind {
        name: "none",
        aliases: &[],
        about: "no preconditioner",
        independent_of_partition: true,
        is_diagonal: true,
        build: |_, _| Ok(Box::new(Identity)),
    },
    Kind {
        name: "jacobi",
        aliases: &[],
        about: "diagonal scaling",
        independent_of_partition: true,
        is_diagonal: true,
        build: |a, _| Ok(Box::new(Jacobi::new(a)?)),
    },
    Kind {
        name: "ssor",
        aliases: &["sor"],
        about: "symmetric Gauss-Seidel of each rank's own block",
        independent_of_partition: false,
        is_diagonal: false,
        build: |a, _| Ok(Box::new(ssor::ssor(a)?)),
    },
    Kind {
        name: "bjacobi",
        aliases: &[],
        about: "block Jacobi: each rank's own block, by incomplete Cholesky or another method (--sub-pc)",
        independent_of_partition: false,
        is_diagonal: false,
        build: |a, options| (options.sub_pc.build)(a),
    },
    Kind {
        name: "chebyshev",
        aliases: &[],
        about: "Chebyshev polynomial in the diagonally scaled matrix: products, and no inner products",
        independent_of_partition: true,
        is_diagonal: false,
        build: |a, options| Ok(Box::new(Chebyshev::new(a, options.chebyshev_degree)?)),
    },
];

impl Kind {
    /// The row called `name`, or one of whose aliases is `name`.
    pub fn named(name: &str) -> Option<&'static Kind> {
        TABLE.iter().find(|kind| kind.name == name || kind.aliases.contains(&name))
    }

    /// The name with the option that tells one of this kind from another.
    pub fn label(&self, options: &Options) -> String {
        match self.name {
            "bjacobi" => format!("bjacobi-{}", options.sub_pc.name),
            "chebyshev" => format!("chebyshev-{}", options.chebyshev_degree),
            name => name.into(),
        }
    }

    /// Builds the preconditioner of `a` with default options. Collective.
    ///
    /// # Errors
    /// When `a` does not allow it; the same error on every rank.
    pub fn build(&self, a: &dyn Operator) -> Result<Box<dyn Preconditioner>> {
        self.build_with(a, &Options::default())
    }

    /// Builds the preconditioner of `a`. Collective.
    ///
    /// # Errors
    /// When `a` does not allow it; the same error on every rank.
    pub fn build_with(&self, a: &dyn Operator, options: &Options) -> Result<Box<dyn Preconditioner>> {
        let inner = a.layout().comm().agree((self.build)(a, options))?;
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

    fn diagonal(&self) -> Option<&[f64]> {
        self.inner.diagonal()
    }

    fn note(&self) -> Option<String> {
        self.inner.note()
    }

    fn counts(&self) -> Counts {
        self.inner.counts()
    }
}
