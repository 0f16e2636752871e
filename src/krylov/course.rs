//! How far a solve has come, apart from the method's own state.

use super::driver::{Record, Settings};
use super::scalars::ErrorBounds;
use super::trust::Trust;

pub(super) struct Course {
    pub(super) iteration: u64,
    pub(super) replacements: u64,
    /// Vectors found to be corrupted.
    pub(super) corruptions: u64,
    /// What residuals are measured against.
    pub(super) reference_norm: f64,
    pub(super) history: Vec<Record>,
    pub(super) trust: Trust,
    pub(super) error: ErrorBounds,
    /// The checked iterate with the smallest true residual.
    pub(super) best: Option<Checked>,
}

/// An iterate whose true residual is known.
#[derive(Clone, Default)]
pub(super) struct Checked {
    pub(super) true_residual: f64,
    pub(super) x: Vec<f64>,
    /// b − A x.
    pub(super) r: Vec<f64>,
    /// ‖x* − x₀‖_A as far as it was known then.
    pub(super) error_a_initial: f64,
}

impl Course {
    pub(super) fn new(settings: &Settings, reference_norm: f64) -> Course {
        Course {
            iteration: 0,
            replacements: 0,
            corruptions: 0,
            reference_norm,
            history: Vec::new(),
            trust: Trust::new(settings, reference_norm),
            error: ErrorBounds::new(settings.error_delay, settings.lambda_min),
            best: None,
        }
    }

    /// The scalars, in the order in which [`take_scalars`](Course::take_scalars) takes them.
    pub(super) fn to_scalars(&self) -> Vec<f64> {
        let mut scalars = vec![self.reference_norm, self.replacements as f64, self.corruptions as f64];
        scalars.extend(self.trust.to_scalars());
        match &self.best {
            None => scalars.push(0.0),
            Some(best) => scalars.extend([1.0, best.true_residual, best.error_a_initial]),
        }
        self.error.append_scalars(&mut scalars);
        scalars
    }

    /// Takes the scalars of a saved solve with this history, all but the norm, which [`new`](Course::new) has taken. Says whether a
    /// checked iterate is among it, whose vectors are then to follow; None if there are too few.
    pub(super) fn take_scalars(&mut self, saved: &mut impl Iterator<Item = f64>, history: &[Record]) -> Option<bool> {
        self.replacements = saved.next()? as u64;
        self.corruptions = saved.next()? as u64;
        self.trust.take_scalars(saved)?;
        if saved.next()? == 1.0 {
            let (true_residual, error_a_initial) = (saved.next()?, saved.next()?);
            self.best = Some(Checked { true_residual, error_a_initial, ..Checked::default() });
        }
        self.error.take_scalars(saved, history)?;
        Some(self.best.is_some())
    }
}
