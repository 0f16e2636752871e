//! A preconditioner times a power of two.

use super::preconditioner::Preconditioner;
use crate::comm::Counts;
use crate::exponent::power_of_two;
use crate::operator::{scale_each_into, scale_into};

/// 2^−e M for the time of a solve with 2^−e A; the identity stays what it is. Communicates as M does.
pub(crate) struct Scaled<'a> {
    inner: &'a mut dyn Preconditioner,
    /// 2^(e/2): r is multiplied by it before M⁻¹, and z after.
    root: f64,
    diagonal: Option<Vec<f64>>,
    single: Vec<f64>,
    pair: Vec<[f64; 2]>,
}

impl<'a> Scaled<'a> {
    /// With e = `exponent`, an even number.
    pub(crate) fn new(inner: &'a mut dyn Preconditioner, exponent: i32) -> Scaled<'a> {
        let root = if inner.is_identity() { 1.0 } else { power_of_two(exponent / 2) };
        let diagonal = inner.diagonal().map(|diagonal| diagonal.iter().map(|entry| entry / root / root).collect());
        Scaled { inner, root, diagonal, single: Vec::new(), pair: Vec::new() }
    }
}

impl Preconditioner for Scaled<'_> {
    fn apply(&mut self, r: &[f64], z: &mut [f64]) {
        scale_each_into(&mut self.single, self.root, r);
        self.inner.apply(&self.single, z);
        z.iter_mut().for_each(|z| *z *= self.root);
    }

    fn apply_pair(&mut self, r: &[[f64; 2]], z: &mut [[f64; 2]]) {
        scale_into(&mut self.pair, self.root, r);
        self.inner.apply_pair(&self.pair, z);
        z.as_flattened_mut().iter_mut().for_each(|z| *z *= self.root);
    }

    fn is_identity(&self) -> bool {
        self.inner.is_identity()
    }

    fn diagonal(&self) -> Option<&[f64]> {
        self.diagonal.as_deref()
    }

    fn note(&self) -> Option<String> {
        self.inner.note()
    }

    fn counts(&self) -> Counts {
        self.inner.counts()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preconditioner::identity::Identity;

    /// The identity, which does not say so.
    struct Talkative;

    impl Preconditioner for Talkative {
        fn apply(&mut self, r: &[f64], z: &mut [f64]) {
            z.copy_from_slice(r);
        }

        fn apply_pair(&mut self, r: &[[f64; 2]], z: &mut [[f64; 2]]) {
            z.copy_from_slice(r);
        }

        fn note(&self) -> Option<String> {
            Some("a note".into())
        }

        fn counts(&self) -> Counts {
            Counts { messages: 3, ..Counts::default() }
        }
    }

    #[test]
    fn only_the_identity_stays_what_it_is() {
        let (mut inner, mut z) = (Identity, [0.0]);
        let mut identity = Scaled::new(&mut inner, 200);
        assert!(identity.is_identity());
        identity.apply(&[3.0], &mut z);
        assert_eq!(z, [3.0]);
        let mut inner = Talkative;
        let mut scaled = Scaled::new(&mut inner, 200);
        assert_eq!((scaled.note(), scaled.counts()), (Talkative.note(), Talkative.counts()));
        scaled.apply(&[3.0], &mut z);
        assert_eq!(z, [3.0 * power_of_two(200)]);
    }
}
