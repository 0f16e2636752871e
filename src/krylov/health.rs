//! Whether the scalars of two iterates agree: where they do not, a vector was corrupted in between.
//!
//! Of what predict-and-recompute methods carry from iterate k to k + 1, two equations hold in exact arithmetic whatever p
//! and r are, as long as s = A p, w = A r̃, u = A s̃, and A and M are symmetric. All of their scalars are summed anyway.
//!
//! ```text
//! ν_{k+1} = ν_k − 2 α_k δ_k + α_k² γ_k            not if r or s was corrupted
//! μ_{k+1} − δ_{k+1} = β_{k+1} (μ_k − δ_k)         not if p, w or u was
//! ```
//!
//! (The second is β ⟨p_k, s_{k+1}⟩ with the update of s written out.) Rounding leaves a gap in both, some multiple of ε
//! times the size of what was added and subtracted:
//!
//! ```text
//! (‖r_k‖ + α_k ‖s_k‖)²                                                    norms of M⁻¹; a factor ‖r‖ is that of the
//!                                                                         largest r if r̃ has a recurrence of its own
//! β λ ‖p_k‖ (‖r_k‖ + α_k ‖s_k‖) + (‖p_{k+1}‖ + ‖r_{k+1}‖) ‖s_{k+1}‖       that of p of M; λ: the largest 1/α so far
//!   + β ‖s_k − A p_k‖ ‖r_{k+1}‖                                           where s comes from a recurrence
//! ```
//!
//! Which multiple depends on A, M and n; it is learned from the iterates before. No sum, product or vector is needed for
//! all this, and no bit changes as long as the scalars agree.

use super::method::{Scalars, Summed};
use super::truth::LEAST_SQUARE;

/// So many comparisons show how large gaps are by rounding alone.
const LEARNING: u32 = 5;
/// A gap beyond this multiple of the largest so far is not rounding ...
const BEYOND_LARGEST: f64 = 100.0;
/// ... if it is also beyond this multiple of ε times its size.
const BEYOND_ROUNDING: f64 = 1e3;
/// The same while gaps are learned. That of the second equation looks large then: λ may be far from ‖A‖.
const AT_FIRST: [f64; 2] = [1e6, 1e8];
/// A direction with |μ − δ| above this share of μ is not conjugate to the one before.
const CONJUGATE: f64 = 1e-3;

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// r or s was corrupted since the iterate before.
    Residual,
    /// p, w or u was.
    Direction,
    /// What was corrupted is mended as far as it could be, but p is not conjugate to the direction before.
    NotConjugate,
}

/// What the scalars so far have shown.
#[derive(Clone, Debug, Default)]
pub(super) struct Health {
    /// Of the iterate before.
    before: Option<Scalars>,
    /// ‖p‖² in the norm of M, as if p were orthogonal to the residual before.
    p_square: f64,
    largest_nu: f64,
    /// The largest 1/α, which is at most the largest eigenvalue of M⁻¹ A.
    lambda: f64,
    /// ‖s − A p‖ in the norm of M⁻¹, as a multiple of ε: what the updates of s have left in it.
    drift: f64,
    /// The largest gaps, as multiples of ε times their size.
    largest: [f64; 2],
    comparisons: u32,
    /// The last comparison raised an alarm.
    alarmed: bool,
}

impl Health {
    /// All of it, in the order in which [`take_scalars`](Health::take_scalars) takes it.
    pub(super) fn to_scalars(&self) -> [f64; 13] {
        let &Health { before, p_square, largest_nu, lambda, drift, largest, comparisons, alarmed } = self;
        let (nu, Summed { mu, gamma, delta, apart }) = before
            .and_then(|before| Some((before.nu, before.summed?)))
            .unwrap_or((f64::NAN, Summed { mu: 0.0, gamma: 0.0, delta: 0.0, apart: false }));
        let of_before = [nu, mu, gamma, delta, f64::from(u8::from(apart))];
        let rest =
            [p_square, largest_nu, lambda, drift, largest[0], largest[1], comparisons.into(), u8::from(alarmed).into()];
        std::array::from_fn(|k| if k < 5 { of_before[k] } else { rest[k - 5] })
    }

    /// None if there are too few.
    pub(super) fn take_scalars(&mut self, saved: &mut impl Iterator<Item = f64>) -> Option<()> {
        let nu = saved.next()?;
        let (mu, gamma, delta, apart) = (saved.next()?, saved.next()?, saved.next()?, saved.next()? == 1.0);
        // Only what is compared with the next iterate.
        let before = Scalars { rr: nu, nu, nu_predicted: f64::NAN, summed: Some(Summed { mu, gamma, delta, apart }) };
        self.before = (!nu.is_nan()).then_some(before);
        self.p_square = saved.next()?;
        self.largest_nu = saved.next()?;
        self.lambda = saved.next()?;
        self.drift = saved.next()?;
        self.largest = [saved.next()?, saved.next()?];
        self.comparisons = saved.next()? as u32;
        self.alarmed = saved.next()? == 1.0;
        Some(())
    }

    /// Looks at the next iterate, or once more at the same one after something was replaced.
    pub(super) fn find(&mut self, now: &Scalars) -> Option<Finding> {
        let summed = now.summed?;
        if now.nu.abs() < LEAST_SQUARE {
            self.before = None;
            return None;
        }
        let before = self.before.replace(*now);
        let Some((before, was)) = before.and_then(|before| Some((before, before.summed?))) else {
            return self.begin(now, &summed);
        };
        if now.nu_predicted.is_nan() {
            return self.begin(now, &summed);
        }
        let (alpha, beta) = (before.nu / was.mu, now.nu_predicted / before.nu);
        let [p_before, p_square] = [self.p_square.sqrt(), now.nu + beta * beta * self.p_square];
        let lambda = self.lambda.max(1.0 / alpha);
        let step = before.nu.sqrt() + alpha * was.gamma.sqrt();
        let sizes = [
            step * if summed.apart { self.largest_nu.sqrt() + step } else { step },
            beta * (lambda * p_before * step + self.drift * now.nu.sqrt())
                + (p_square.sqrt() + now.nu.sqrt()) * summed.gamma.sqrt(),
        ];
        let gaps = [now.nu - now.nu_predicted, (summed.mu - summed.delta) - beta * (was.mu - was.delta)];
        let gaps = [0, 1].map(|k| (gaps[k] / (f64::EPSILON * sizes[k])).abs());

        let limits = match self.comparisons {
            0..LEARNING => AT_FIRST,
            _ => self.largest.map(|largest| (BEYOND_LARGEST * largest).max(BEYOND_ROUNDING)),
        };
        let [residual, direction] = [0, 1].map(|k| gaps[k].is_nan() || gaps[k] > limits[k]);
        let finding = match (residual, direction) {
            // Twice in a row it is no accident: this is how large gaps are here.
            _ if self.alarmed => None,
            (true, _) => Some(Finding::Residual),
            (false, true) => Some(Finding::Direction),
            (false, false) => None,
        };
        self.alarmed = residual || direction;
        if finding.is_none() {
            self.comparisons += 1;
            [0, 1].into_iter().for_each(|k| self.largest[k] = self.largest[k].max(gaps[k].min(limits[k])));
            // What is beyond the limit was let through once. Were its sizes learned, nothing might be found any more.
            if !self.alarmed {
                (self.p_square, self.lambda, self.largest_nu) = (p_square, lambda, self.largest_nu.max(now.nu));
                self.drift = beta * self.drift + lambda * step;
            }
        }
        finding
    }

    /// There is nothing to compare the scalars with.
    fn begin(&mut self, now: &Scalars, &Summed { mu, delta, .. }: &Summed) -> Option<Finding> {
        [&mut self.p_square, &mut self.largest_nu].into_iter().for_each(|most| *most = most.max(now.nu));
        self.drift = self.lambda * self.p_square.sqrt(); // s has just been computed
        (self.alarmed && (mu - delta).abs() > CONJUGATE * mu).then_some(Finding::NotConjugate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scalars(nu: f64, mu: f64, gamma: f64, delta: f64, nu_predicted: f64) -> Scalars {
        Scalars { rr: nu, nu, nu_predicted, summed: Some(Summed { mu, gamma, delta, apart: false }) }
    }

    /// Scalars that agree with those before.
    fn after(before: &Scalars) -> Scalars {
        let Summed { mu, gamma, delta, .. } = before.summed.unwrap();
        let alpha = before.nu / mu;
        let nu = before.nu - 2.0 * alpha * delta + alpha * alpha * gamma;
        let mu_next = 0.7 * mu;
        scalars(nu, mu_next, 1.8 * mu_next * mu_next / nu, mu_next - nu / before.nu * (mu - delta), nu)
    }

    fn learned() -> (Health, Scalars) {
        let (mut health, mut now) = (Health::default(), scalars(1.0, 2.0, 7.2, 2.0 + 1e-12, f64::NAN));
        for _ in 0..=LEARNING {
            assert_eq!(health.find(&now), None);
            now = after(&now);
        }
        (health, now)
    }

    #[test]
    fn scalars_that_agree_raise_no_alarm_and_others_do() {
        let (health, now) = learned();
        let Summed { mu, gamma, delta, .. } = now.summed.unwrap();
        for (wrong, finding) in [
            (now, None),
            (scalars(now.nu * (1.0 + 1e-15), mu, gamma, delta, now.nu), None),
            (scalars(now.nu * (1.0 + 1e-11), mu, gamma, delta, now.nu), Some(Finding::Residual)),
            (scalars(now.nu, mu, gamma, delta * (1.0 + 1e-11), now.nu), Some(Finding::Direction)),
            (scalars(now.nu, f64::INFINITY, gamma, delta, now.nu), Some(Finding::Direction)),
            (scalars(now.nu, mu, gamma, f64::NAN, now.nu), Some(Finding::Direction)),
            (scalars(-1.0, mu, gamma, delta, now.nu), Some(Finding::Residual)),
            (Scalars { summed: None, ..scalars(2.0 * now.nu, mu, gamma, delta, now.nu) }, None),
        ] {
            assert_eq!(health.clone().find(&wrong), finding, "{wrong:?}");
        }
    }

    #[test]
    fn scalars_that_may_have_underflowed_are_not_compared() {
        let (mut health, now) = learned();
        let tiny = |nu| scalars(nu, 1e-290, 1e-285, 3e-290, 2.0 * nu);
        assert_eq!(health.find(&Scalars { nu: 0.9e-280, ..tiny(1.0) }), None);
        assert_eq!(health.find(&now), None, "there is nothing to compare with");
        assert!(health.find(&tiny(1.1e-280)).is_some(), "not yet");
    }

    /// Of an r̃ with a recurrence of its own the largest r counts for ever, after a new beginning too.
    #[test]
    fn the_largest_residual_is_remembered_when_there_is_nothing_to_compare() {
        let mut health = Health::default();
        for nu in [4.0, 1.0] {
            assert_eq!(health.find(&scalars(nu, 2.0 * nu, 7.2 * nu, 2.0 * nu, f64::NAN)), None);
        }
        assert_eq!((health.p_square, health.largest_nu), (4.0, 4.0));
    }

    #[test]
    fn how_large_gaps_are_is_learned() {
        let off = |now: &Scalars, share: f64| Scalars { nu: now.nu * (1.0 + share), ..*now };
        let (mut health, mut now) = (Health::default(), scalars(1.0, 2.0, 7.2, 2.0 + 1e-12, f64::NAN));
        assert_eq!(health.find(&now), None);
        for comparison in 0..LEARNING {
            now = after(&now);
            assert_eq!(health.clone().find(&off(&now, 1e-2)), Some(Finding::Residual), "at first too");
            assert_eq!(health.clone().find(&off(&now, 1e-11)), None, "rounding may do that");
            assert_eq!(health.find(&off(&now, if comparison == 1 { 1e-11 } else { 0.0 })), None);
        }
        now = after(&now);
        assert_eq!(health.clone().find(&off(&now, 1e-10)), None, "not far beyond the largest");
        assert_eq!(health.clone().find(&off(&now, 1e-8)), Some(Finding::Residual));
    }

    /// The sizes of the module's text, with numbers for which they are known.
    #[test]
    fn what_a_gap_is_compared_with() {
        let is_near = |one: f64, other: f64| assert!((one - other).abs() <= 1e-8 * other, "{one} is not {other}");
        let [gap_of_nu, gap_of_delta] = [2f64.powi(-40), 2f64.powi(-30)];
        let before = scalars(4.0, 2.0, 9.0, 1.0, f64::NAN); // α = 2, a step of 2 + 2 · 3, β = 1/4
        for (lambda, apart, size) in
            [(3.0, false, 8.0 * 8.0), (3.0, true, 8.0 * (8.0 + 5.0)), (0.125, false, 8.0 * 8.0)]
        {
            let mut health = Health {
                before: Some(before),
                p_square: 16.0,
                largest_nu: 25.0,
                lambda,
                drift: 5.0,
                ..Health::default()
            };
            let lambda = f64::max(lambda, 0.5);
            let mut now = scalars(1.0 + gap_of_nu, 3.0, 36.0, 3.0 - 0.25 - gap_of_delta, 1.0);
            now.summed.as_mut().unwrap().apart = apart;
            assert_eq!(health.find(&now), None);
            is_near(health.largest[0], gap_of_nu / f64::EPSILON / size);
            let size = 0.25 * (lambda * 4.0 * 8.0 + 5.0) + (2f64.sqrt() + 1.0) * 6.0;
            is_near(health.largest[1], gap_of_delta / f64::EPSILON / size);
            is_near(health.p_square, 2.0);
            is_near(health.drift, 0.25 * 5.0 + lambda * 8.0);
            assert_eq!([health.lambda, health.largest_nu], [lambda, 25.0]);

            // Replaced: only the largest squares stay, and s has no drift but of its own product.
            assert_eq!(health.find(&scalars(49.0, 3.0, 36.0, 3.0, f64::NAN)), None);
            assert_eq!([health.p_square, health.largest_nu, health.drift], [49.0, 49.0, 7.0 * lambda]);
        }
    }

    #[test]
    fn what_was_learned_is_saved() {
        let (mut health, now) = learned();
        assert_eq!(health.find(&Scalars { nu: now.nu * (1.0 + 1e-15), ..now }), None);
        let now = after(&now);
        let Summed { mu, gamma, delta, .. } = now.summed.unwrap();
        let apart = Some(Summed { mu, gamma, delta: delta * (1.0 + 1e-11), apart: true });
        assert_eq!(health.find(&Scalars { summed: apart, ..now }), Some(Finding::Direction));
        let saved = health.to_scalars();
        assert!(saved.iter().all(|&number| number != 0.0), "{saved:?}");
        let mut restored = Health::default();
        restored.take_scalars(&mut saved.into_iter()).unwrap();
        assert_eq!(restored.to_scalars(), saved);
        assert!(Health::default().take_scalars(&mut saved.into_iter().skip(1)).is_none());
    }

    #[test]
    fn after_an_alarm_the_direction_is_looked_at_and_a_second_alarm_is_none() {
        let (mut health, now) = learned();
        let Summed { mu, gamma, delta, .. } = now.summed.unwrap();
        assert_eq!(health.find(&scalars(1.1 * now.nu, mu, gamma, delta, now.nu)), Some(Finding::Residual));
        let again = |delta| scalars(now.nu, mu, gamma, delta, f64::NAN);
        assert_eq!(health.clone().find(&again(1.01 * mu)), Some(Finding::NotConjugate));
        assert_eq!(health.clone().find(&again(1.0001 * mu)), None, "near enough");
        let replaced = again(mu);
        assert_eq!(health.find(&replaced), None);
        let next = after(&replaced);
        let mut goes_on = health.clone();
        assert_eq!(goes_on.find(&next), None);
        let then = after(&next);
        let off = Scalars { nu: then.nu * (1.0 + 1e-8), ..then };
        assert_eq!(goes_on.find(&off), Some(Finding::Residual), "alarms are no lesson");
        let Summed { mu, gamma, delta, .. } = next.summed.unwrap();
        let sizes = |health: &Health| [health.p_square, health.lambda, health.largest_nu, health.drift];
        let before = sizes(&health);
        let mut wrong = health.clone();
        assert_eq!(wrong.find(&scalars(1e30, 1e-30, gamma, delta, next.nu)), None, "twice in a row it is no accident");
        assert_eq!(sizes(&wrong), before, "but it is no lesson either");
        let usual = scalars(1.1 * next.nu, mu, gamma, delta, next.nu);
        assert_eq!(health.find(&usual), None);
        let then = after(&usual);
        assert_eq!(health.find(&then), None);
        let off = after(&then);
        let off = Scalars { nu: off.nu * (1.0 + 1e-6), ..off };
        assert_eq!(health.find(&off), Some(Finding::Residual), "it is looked on");
        assert!(health.largest.iter().all(|largest| *largest < 1e12), "{:?}", health.largest);
    }
}
