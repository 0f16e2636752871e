//! No preconditioner.

use super::preconditioner::Preconditioner;

/// M = I. Does not communicate.
pub struct Identity;

impl Preconditioner for Identity {
    fn apply(&mut self, r: &[f64], z: &mut [f64]) {
        z.copy_from_slice(r);
    }

    fn apply_pair(&mut self, r: &[[f64; 2]], z: &mut [[f64; 2]]) {
        z.copy_from_slice(r);
    }

    fn is_identity(&self) -> bool {
        true
    }
}
