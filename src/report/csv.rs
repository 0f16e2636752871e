//! The convergence history as comma-separated values.

use crate::krylov::{ErrorBounds, Outcome, Settings};
use std::fmt::Write as _;

/// One line per iterate: iteration, residual, relative residual, ν, α, β, gap of the predicted ν,
/// lower and upper bound of the A-norm error, seconds. Numbers are printed so that they read back to
/// the same bits; a cell without a value is empty, and without `timed` the seconds are.
pub fn history_csv(outcome: &Outcome, settings: &Settings, timed: bool) -> String {
    let head = "iteration,residual,relative_residual,nu,alpha,beta,nu_gap,error_a_lower,error_a_upper,seconds\n";
    let mut text = String::from(head);
    let cell = |value: f64| if value.is_nan() { String::new() } else { format!("{value:e}") };
    let (lower, upper) = error_bounds(outcome, settings);
    for (k, record) in outcome.history.iter().enumerate() {
        let numbers = [
            record.residual,
            record.residual / outcome.reference_norm,
            record.nu,
            record.alpha,
            record.beta,
            record.nu_gap,
            lower[k],
            upper[k],
        ];
        let cells = numbers.map(cell).join(",");
        let seconds = if timed { format!("{:.6}", record.seconds) } else { String::new() };
        writeln!(text, "{},{cells},{seconds}", record.iteration).expect("writing to a string succeeds");
    }
    text
}

/// Lower and upper bounds of ‖x − x_k‖_A for each iterate, NaN where there is none.
fn error_bounds(outcome: &Outcome, settings: &Settings) -> (Vec<f64>, Vec<f64>) {
    let iterates = outcome.history.len();
    let (mut lower, mut upper) = (vec![f64::NAN; iterates], vec![f64::NAN; iterates]);
    let mut bounds = ErrorBounds::new(settings.error_delay, settings.lambda_min);
    for (k, record) in outcome.history.iter().enumerate().filter(|(_, record)| record.alpha.is_finite()) {
        bounds.step(record.alpha, record.beta, record.nu);
        if let Some(bound) = bounds.lower() {
            lower[k + 1 - settings.error_delay.max(1)] = bound;
        }
        upper[k] = bounds.upper().unwrap_or(f64::NAN);
    }
    (lower, upper)
}
