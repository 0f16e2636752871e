//! The convergence history as comma-separated values.

use crate::krylov::Outcome;
use std::fmt::Write as _;

/// One line per iterate: iteration, residual, relative residual, ν, α, β, gap of the predicted ν, seconds. Numbers are
/// printed so that they read back to the same bits; a cell without a value is empty.
pub fn history_csv(outcome: &Outcome) -> String {
    let mut text = String::from("iteration,residual,relative_residual,nu,alpha,beta,nu_gap,seconds\n");
    let cell = |value: f64| {
        if value.is_nan() { String::new() } else { format!("{value:e}") }
    };
    for record in &outcome.history {
        let numbers = [
            record.residual,
            record.residual / outcome.reference_norm,
            record.nu,
            record.alpha,
            record.beta,
            record.nu_gap,
        ];
        let cells = numbers.map(cell).join(",");
        writeln!(text, "{},{cells},{:.6}", record.iteration, record.seconds).expect("writing to a string succeeds");
    }
    text
}
