//! Whether the recurrence's residual can be believed.
//!
//! The true residual b − A x costs a product and a sum, so it is computed only when there is a
//! reason to doubt the recurrence: it claims convergence, breaks down, no longer knows its own ν, or
//! makes no progress. What follows is decided here, from global scalars, alike on every rank.

use super::driver::Settings;
use super::health::{Finding, Health};
use super::method::Scalars;

/// The true residual may exceed the tolerance by this factor in a solve that is called converged:
/// it is measured after the recurrence's residual has met the tolerance, and differs by rounding.
pub const TRUE_RESIDUAL_FACTOR: f64 = 1.1;

/// A replacement must halve the true residual by the next check, or it was in vain ...
const PROGRESS: f64 = 0.5;
/// ... and after so many in vain the solve has stagnated.
const REPLACEMENTS_IN_VAIN: u32 = 3;
/// Iterations without a new smallest residual before the first check for a stall; doubled after each.
const PATIENCE: u32 = 100;
/// The true residual of a sound recurrence is at most this multiple of it.
const SOUND_FACTOR: f64 = 2.0;
/// A recurrence's residual below this share of the norm that residuals are measured against has most likely left the true one
/// behind, which rounding keeps from falling so far ...
const FLOOR: f64 = 1e-17;
/// ... and if it has not, it is asked again when it has fallen by this factor.
const DEEPER: f64 = 1e-4;
/// A recomputed ν that differs from its prediction by more than this share is a reason to doubt.
const NU_GAP: f64 = 0.1;

/// When the recurrence's residual is replaced by the true one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Replacement {
    /// When it turns out that it cannot be believed.
    WhenNeeded,
    /// Also every so many iterations.
    Every(u64),
    /// Never (gv-cg-rr still follows its own estimate): for experiments on the methods themselves.
    Never,
}

impl Replacement {
    /// True if iteration `iteration` begins with a replacement on schedule.
    pub(super) fn is_due(self, iteration: u64) -> bool {
        matches!(self, Replacement::Every(period) if iteration.is_multiple_of(period.max(1)))
    }
}

/// Why the recurrence is doubted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    /// It says that the tolerance is met.
    Claim,
    /// Its scalars make no sense, or ν is not the predicted one.
    Breakdown,
    /// They are beyond what f64 holds: infinite, NaN, or a ν that has underflowed.
    Range,
    /// It makes no progress.
    Stall,
    /// It is smaller than the true residual can be expected to be.
    Low,
    /// Its scalars show that r or s was corrupted,
    CorruptResidual,
    /// or p, w or u.
    CorruptDirection,
}

/// What a look at the true residual led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The true residual meets the tolerance.
    Converged,
    /// The true residual has grown beyond the limit.
    Diverged,
    /// Replacing no longer helps.
    Stagnated,
    /// The true residual is not finite, x is lost; or replacing does not bring the scalars back.
    NotFinite,
    /// The recurrence is sound after all.
    GoOn,
    /// Go on with the true residual in the place of the recurrence's.
    Replace,
    /// Go on from x and its true residual, without the directions: those belong to the residual they
    /// were made for, and kept with another one they make the error grow.
    Restart,
}

/// True if the recurrence's residual has not lost touch with the true one.
pub(super) fn is_sound(truth: f64, recurrence: f64) -> bool {
    truth <= SOUND_FACTOR * recurrence
}

pub(super) struct Trust {
    tolerance: f64,
    /// Beyond this the solve has diverged.
    limit: f64,
    /// Below this the recurrence has nothing to say.
    floor: f64,
    /// Below this its scalars are those of rounding, whatever the tolerance, and no sign of what memory holds.
    rounding: f64,
    replacement: Replacement,
    least: f64,
    iterations_since_least: u32,
    patience: u32,
    best_check: f64,
    in_vain: u32,
    health: Health,
    /// Whether anything follows from what it finds.
    check_health: bool,
}

impl Trust {
    /// Of a solve whose residuals are measured against `reference`.
    pub(super) fn new(settings: &Settings, reference: f64) -> Trust {
        let &Settings { replacement, check_health, .. } = settings;
        let tolerance = settings.tolerance(reference);
        Trust {
            tolerance,
            limit: settings.divtol * reference,
            // Without a tolerance a number of iterations is asked for.
            floor: if tolerance > 0.0 { FLOOR * reference } else { 0.0 },
            rounding: FLOOR * reference,
            replacement,
            least: f64::INFINITY,
            iterations_since_least: 0,
            patience: PATIENCE,
            best_check: f64::INFINITY,
            in_vain: 0,
            health: Health::default(),
            check_health: check_health && replacement != Replacement::Never,
        }
    }

    /// What changes in the course of a solve, in the order in which [`take_scalars`](Trust::take_scalars) takes it.
    pub(super) fn to_scalars(&self) -> Vec<f64> {
        let &Trust { least, iterations_since_least, patience, best_check, in_vain, .. } = self;
        let own = [least, iterations_since_least.into(), patience.into(), best_check, in_vain.into()];
        own.into_iter().chain(self.health.to_scalars()).collect()
    }

    /// None if there are too few.
    pub(super) fn take_scalars(&mut self, saved: &mut impl Iterator<Item = f64>) -> Option<()> {
        self.least = saved.next()?;
        self.iterations_since_least = saved.next()? as u32;
        self.patience = saved.next()? as u32;
        self.best_check = saved.next()?;
        self.in_vain = saved.next()? as u32;
        self.health.take_scalars(saved)
    }

    /// What was learned belongs to another preconditioner.
    pub(super) fn forget_health(&mut self) {
        self.health = Health::default();
    }

    /// Whether corrupted vectors are looked for, and put right.
    pub(super) fn checks_health(&self) -> bool {
        self.check_health
    }

    /// Looks at the scalars of an iterate.
    pub(super) fn doubt(&mut self, scalars: &Scalars) -> Option<Doubt> {
        let &Scalars { rr, nu, nu_predicted, .. } = scalars;
        let residual = rr.sqrt();
        if residual <= self.tolerance {
            return Some(Doubt::Claim);
        }
        if !(rr + nu).is_finite() {
            return Some(Doubt::Range);
        }
        match self.health.find(scalars).filter(|_| self.check_health && residual > self.rounding) {
            Some(Finding::Residual) => return Some(Doubt::CorruptResidual),
            Some(Finding::Direction) => return Some(Doubt::CorruptDirection),
            Some(Finding::NotConjugate) => return Some(Doubt::Breakdown),
            None => (),
        }
        if residual > self.limit {
            return Some(Doubt::Breakdown);
        }
        if self.replacement == Replacement::Never {
            return None;
        }
        let gap = (nu_predicted - nu).abs() > NU_GAP * nu; // false for NaN: nothing was predicted
        if nu == 0.0 {
            return Some(Doubt::Range);
        }
        if nu < 0.0 || gap {
            return Some(Doubt::Breakdown);
        }
        if self.depth(residual) > self.depth(self.least) {
            (self.least, self.iterations_since_least) = (residual, 0);
            return Some(Doubt::Low);
        }
        self.iterations_since_least = if residual < self.least { 0 } else { self.iterations_since_least + 1 };
        self.least = self.least.min(residual);
        let stalled = self.iterations_since_least >= self.patience;
        if stalled {
            self.iterations_since_least = 0;
            self.patience = self.patience.saturating_mul(2);
        }
        stalled.then_some(Doubt::Stall)
    }

    /// How often a residual that falls to this one is asked whether it is the true one.
    fn depth(&self, residual: f64) -> f64 {
        if residual > self.floor { 0.0 } else { 1.0 + ((residual / self.floor).log10() / DEEPER.log10()).floor() }
    }

    /// What to do, now that the true residual is known.
    pub(super) fn judge(&mut self, doubt: Doubt, recurrence: f64, truth: f64) -> Verdict {
        if !truth.is_finite() {
            return Verdict::NotFinite;
        }
        if truth <= TRUE_RESIDUAL_FACTOR * self.tolerance {
            return Verdict::Converged;
        }
        if truth > self.limit {
            return Verdict::Diverged;
        }
        // Squares of the residual itself may be beyond the scalars, too.
        let is_in_range = doubt != Doubt::Range && truth * truth > 0.0 && (truth * truth).is_finite();
        let in_vain = if is_in_range { Verdict::Stagnated } else { Verdict::NotFinite };
        if self.replacement == Replacement::Never {
            return in_vain;
        }
        match doubt {
            Doubt::Stall | Doubt::Low if is_sound(truth, recurrence) => return Verdict::GoOn,
            Doubt::CorruptResidual | Doubt::CorruptDirection => return Verdict::Replace,
            _ => (),
        }
        self.in_vain = if truth > PROGRESS * self.best_check { self.in_vain + 1 } else { 0 };
        self.best_check = self.best_check.min(truth);
        self.least = f64::INFINITY;
        self.iterations_since_least = 0;
        if self.in_vain == REPLACEMENTS_IN_VAIN {
            return in_vain;
        }
        Verdict::Restart
    }
}

#[cfg(test)]
mod tests {
    use super::Verdict::*;
    use super::*;
    use crate::krylov::method::Summed;

    /// Residuals are measured against 1.
    fn trust(rtol: f64, divtol: f64, replacement: Replacement) -> Trust {
        Trust::new(&Settings { rtol, divtol, replacement, ..Settings::default() }, 1.0)
    }

    fn scalars(residual: f64) -> Scalars {
        Scalars { rr: residual * residual, nu: residual * residual, nu_predicted: f64::NAN, summed: None }
    }

    #[test]
    fn scalars_of_rounding_are_no_sign_of_bad_memory() {
        let at = |residual: f64, share: f64| {
            let nu = residual * residual;
            let summed = Some(Summed { mu: 2.0 * nu, gamma: 7.2 * nu, delta: 2.0 * nu, apart: false });
            Scalars { rr: nu, nu, nu_predicted: share * nu, summed }
        };
        for (residual, doubt) in [(1e-10, Doubt::CorruptResidual), (1e-18, Doubt::Breakdown)] {
            let mut trust = trust(0.0, 1e8, Replacement::WhenNeeded);
            assert_eq!(trust.doubt(&at(residual, f64::NAN)), None);
            assert_eq!(trust.doubt(&at(residual, 1e16)), Some(doubt));
        }
    }

    #[test]
    fn a_claim_is_believed_only_of_the_true_residual() {
        let mut trust = trust(1e-8, 1e8, Replacement::WhenNeeded);
        assert_eq!(trust.doubt(&scalars(1e-7)), None);
        assert_eq!(trust.doubt(&scalars(0.9e-8)), Some(Doubt::Claim));
        assert_eq!(trust.judge(Doubt::Claim, 0.9e-8, 1.05e-8), Verdict::Converged);
        assert_eq!(trust.judge(Doubt::Claim, 0.9e-8, 1.7e-8), Verdict::Restart);
        assert_eq!(trust.judge(Doubt::Claim, 0.9e-8, 1.6e-8), Verdict::Restart);
        assert_eq!(trust.judge(Doubt::Claim, 0.9e-8, 1.6e-8), Verdict::Restart);
        assert_eq!(trust.judge(Doubt::Claim, 0.9e-8, 1.6e-8), Verdict::Stagnated);
        assert_eq!(trust.judge(Doubt::Breakdown, f64::NAN, f64::NAN), Verdict::NotFinite);
        assert_eq!(trust.doubt(&scalars(2e8)), Some(Doubt::Breakdown));
        assert_eq!(trust.judge(Doubt::Breakdown, 2e8, 2e8), Verdict::Diverged);
    }

    #[test]
    fn scalars_out_of_range_are_no_stagnation() {
        for (residual, nu) in [(f64::INFINITY, 1.0), (1.0, f64::NAN), (1e-100, 0.0)] {
            let mut trust = trust(1e-200, 1e200, Replacement::WhenNeeded);
            let beyond = Scalars { rr: residual * residual, nu, nu_predicted: f64::NAN, summed: None };
            let mut judge = || trust.doubt(&beyond).map(|doubt| trust.judge(doubt, residual, 1.0));
            assert_eq!([(); 4].map(|()| judge()), [Restart, Restart, Restart, NotFinite].map(Some));
        }
        let mut never = trust(1e-300, f64::INFINITY, Replacement::Never);
        assert_eq!(never.judge(Doubt::Range, f64::INFINITY, 1.0), NotFinite);
        assert_eq!(
            [1e-170, 1e-150, 1e170].map(|truth| never.judge(Doubt::Claim, 0.0, truth)),
            [NotFinite, Stagnated, NotFinite]
        );
    }

    #[test]
    fn what_is_smaller_than_rounding_lets_a_residual_be_is_doubted() {
        assert_eq!(trust(0.0, 1e8, Replacement::WhenNeeded).doubt(&scalars(1e-40)), None, "iterations are asked for");
        let mut trust = trust(1e-60, 1e8, Replacement::WhenNeeded);
        let mut doubted = |residual| trust.doubt(&scalars(residual)) == Some(Doubt::Low);
        let fallen = [1.0, 2e-17, 0.9e-17, 0.8e-17, 1.1e-21, 0.9e-21, 1e-22, 0.9e-25, 1e-40].map(&mut doubted);
        assert_eq!(fallen, [false, false, true, false, false, true, false, true, true]);
        assert!(!doubted(1e-20), "it has been lower");
        // Of b = 0, say, it is the true residual all the same.
        assert_eq!(trust.judge(Doubt::Low, 1e-40, 1.1e-40), Verdict::GoOn);
        // If not, what goes on from the true one may fall once more.
        for verdict in [Restart, Restart, Restart, Stagnated] {
            assert_eq!(trust.judge(Doubt::Low, 1e-18, 1e-15), verdict);
            assert_eq!(trust.doubt(&scalars(0.9e-17)), Some(Doubt::Low));
        }
        // Without a word about corrupted vectors, and not in experiments on the methods.
        let mut never = Trust::new(&Settings { rtol: 1e-60, ..Settings::exactly(9) }, 1.0);
        assert_eq!(never.doubt(&scalars(1e-30)), None);
    }

    #[test]
    fn a_stall_and_a_wrong_prediction_raise_doubt() {
        let mut trust = trust(1e-8, 1e8, Replacement::WhenNeeded);
        assert_eq!(trust.doubt(&scalars(1.0)), None);
        let raised: Vec<u32> = (1..=400).filter(|_| trust.doubt(&scalars(2.0)).is_some()).collect();
        assert_eq!(raised, [100, 300], "patience doubles");
        assert_eq!(trust.judge(Doubt::Stall, 2.0, 2.1), Verdict::GoOn);
        assert_eq!(trust.judge(Doubt::Stall, 2.0, 5.0), Verdict::Restart);
        let wrong = Scalars { nu_predicted: 0.5, ..scalars(1.0) };
        assert_eq!(trust.doubt(&wrong), Some(Doubt::Breakdown));
        let mut never = Trust::new(&Settings { rtol: 1e-8, ..Settings::exactly(9) }, 1.0);
        assert_eq!(never.doubt(&wrong), None);
    }
}
