//! Why a solve ended.

use crate::error::ExitCode;

/// The numerical outcome of a solve: a value, decided from global scalars, alike on every rank.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Reason {
    /// The true residual is within the relative tolerance.
    ConvergedRelative,
    /// The true residual is within the absolute tolerance.
    ConvergedAbsolute,
    /// The A-norm of the error, as bounded by the scalars or estimated from the true residual, is within the relative tolerance.
    ConvergedErrorA,
    /// The iteration limit came first.
    IterationLimit,
    /// The time limit came first.
    TimeLimit,
    /// A signal asked the program to end.
    Interrupted,
    /// The residual grew beyond the divergence limit.
    Diverged,
    /// The recurrence has lost touch with the true residual above the tolerance, and replacing it no longer helps.
    Stagnated,
    /// A scalar became NaN or infinite or vanished by underflow, or x is beyond what f64 holds.
    NotFinite,
    /// μ = ⟨p, A p⟩ ≤ 0: A is not positive definite.
    IndefiniteMatrix,
    /// ν = ⟨M⁻¹ r, r⟩ ≤ 0: M is not positive definite.
    IndefinitePreconditioner,
}

impl Reason {
    /// True if the tolerance was met.
    pub fn is_converged(self) -> bool {
        matches!(self, Reason::ConvergedRelative | Reason::ConvergedAbsolute | Reason::ConvergedErrorA)
    }

    /// How the program ends for this reason.
    pub fn exit_code(self) -> ExitCode {
        match self {
            Reason::ConvergedRelative | Reason::ConvergedAbsolute | Reason::ConvergedErrorA => ExitCode::Converged,
            Reason::IterationLimit | Reason::TimeLimit | Reason::Interrupted => ExitCode::Limit,
            Reason::Diverged | Reason::Stagnated => ExitCode::Diverged,
            Reason::NotFinite => ExitCode::NotFinite,
            Reason::IndefiniteMatrix => ExitCode::NotSpd,
            Reason::IndefinitePreconditioner => ExitCode::Preconditioner,
        }
    }

    /// The name PETSc gives it (`TIME_LIMIT`, `INTERRUPTED`, `STAGNATED` and `CONVERGED_ERROR_A` have no counterpart there).
    pub fn petsc_name(self) -> &'static str {
        match self {
            Reason::ConvergedRelative => "CONVERGED_RTOL",
            Reason::ConvergedAbsolute => "CONVERGED_ATOL",
            Reason::ConvergedErrorA => "CONVERGED_ERROR_A",
            Reason::IterationLimit => "DIVERGED_ITS",
            Reason::TimeLimit => "TIME_LIMIT",
            Reason::Interrupted => "INTERRUPTED",
            Reason::Diverged => "DIVERGED_DTOL",
            Reason::Stagnated => "STAGNATED",
            Reason::NotFinite => "DIVERGED_NANORINF",
            Reason::IndefiniteMatrix => "DIVERGED_INDEFINITE_MAT",
            Reason::IndefinitePreconditioner => "DIVERGED_INDEFINITE_PC",
        }
    }

    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            Reason::ConvergedRelative => "converged: the true residual meets the relative tolerance",
            Reason::ConvergedAbsolute => "converged: the true residual meets the absolute tolerance",
            Reason::ConvergedErrorA => {
                "converged: the A-norm of the error, bounded or estimated, meets the relative tolerance"
            }
            Reason::IterationLimit => "not converged: the iteration limit came first (--max-it)",
            Reason::TimeLimit => "not converged: the time limit came first (--max-seconds)",
            Reason::Interrupted => "not converged: a signal asked for an end",
            Reason::Diverged => "diverged: the residual grew beyond the limit (--divtol)",
            Reason::Stagnated => {
                "stagnated: the true residual stopped falling above the tolerance; double precision gives no more"
            }
            Reason::NotFinite => {
                "failed: a NaN, an infinity or an underflow turned up in the scalars; scale the system"
            }
            Reason::IndefiniteMatrix => "failed: the matrix is not positive definite (<p, Ap> <= 0)",
            Reason::IndefinitePreconditioner => {
                "failed: the preconditioner is not positive definite (<M^-1 r, r> <= 0)"
            }
        }
    }
}
