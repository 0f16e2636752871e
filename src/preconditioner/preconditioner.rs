//! What a Krylov method asks of a preconditioner.

use crate::comm::Counts;

/// M⁻¹ for a symmetric positive definite M that resembles A.
///
/// An implementation says in its documentation whether it communicates, and whether M depends on
/// the partition. None takes part in a global sum when it is applied, so each of them can be applied
/// while one is in flight.
pub trait Preconditioner {
    /// z = M⁻¹ r on owned rows.
    fn apply(&mut self, r: &[f64], z: &mut [f64]);

    /// z = M⁻¹ r for two vectors side by side.
    fn apply_pair(&mut self, r: &[[f64; 2]], z: &mut [[f64; 2]]);

    /// True when M = I: methods then keep no preconditioned vectors.
    fn is_identity(&self) -> bool {
        false
    }

    /// The diagonal of M on owned rows, when M is diagonal: on all ranks or on none.
    fn diagonal(&self) -> Option<&[f64]> {
        None
    }

    /// What the user should know about how M was built: one line, the same on every rank.
    fn note(&self) -> Option<String> {
        None
    }

    /// What its own products and messages have cost so far; the rank's profile does not hold them.
    fn counts(&self) -> Counts {
        Counts::default()
    }
}
