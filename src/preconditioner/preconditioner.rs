//! What a Krylov method asks of a preconditioner.

/// M⁻¹ for a symmetric positive definite M that resembles A.
///
/// An implementation says in its documentation whether it communicates: one that does not can be
/// applied while a global sum is in flight.
pub trait Preconditioner {
    /// z = M⁻¹ r on owned rows.
    fn apply(&mut self, r: &[f64], z: &mut [f64]);

    /// z = M⁻¹ r for two vectors side by side.
    fn apply_pair(&mut self, r: &[[f64; 2]], z: &mut [[f64; 2]]);

    /// True when M = I: methods then keep no preconditioned vectors.
    fn is_identity(&self) -> bool {
        false
    }
}
