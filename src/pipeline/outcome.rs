//! What a solve came to, as the report says it.

use crate::comm::Op;
use crate::krylov::{self, ErrorA, Outcome, Reason, Settings};
use crate::operator::Operator;
use crate::report::{ErrorAFacts, ErrorNorms, OutcomeFacts, SpectrumFacts};

/// How far x is from a known solution. Collective.
pub(super) fn error_norms(a: &dyn Operator, against: &'static str, x: &[f64], solution: &[f64]) -> ErrorNorms {
    let difference: Vec<f64> = x.iter().zip(solution).map(|(x, solution)| x - solution).collect();
    let mut max =
        [difference.iter().fold(0.0, |max: f64, d| if d.is_nan() { f64::INFINITY } else { max.max(d.abs()) })];
    a.layout().comm().reduce_f64(Op::Max, &mut max);
    let size = krylov::norm(a, solution);
    ErrorNorms { against, relative_2_norm: krylov::norm(a, &difference) / size, max_norm: max[0] }
}

/// What the report says of an outcome.
pub(super) fn outcome_facts(
    outcome: &Outcome,
    settings: &Settings,
    seconds: f64,
    seconds_per_iteration: f64,
    error: Option<ErrorNorms>,
) -> OutcomeFacts {
    let relative = |norm: f64| {
        if outcome.reference_norm > 0.0 { norm / outcome.reference_norm } else { norm }
    };
    OutcomeFacts {
        converged: outcome.reason.is_converged(),
        reason: match outcome.reason {
            Reason::ConvergedRelative if outcome.true_residual > settings.rtol * outcome.reference_norm => {
                "converged: the true residual is within 1.1 times the relative tolerance, which the recurrence's meets"
            }
            reason => reason.words(),
        },
        petsc_reason: outcome.reason.petsc_name(),
        exit_code: outcome.reason.exit_code() as u8,
        iterations: outcome.iterations,
        reference_norm: outcome.reference_norm,
        true_relative_residual: relative(outcome.true_residual),
        recurrence_relative_residual: relative(outcome.recurrence_residual),
        replaced_residuals: outcome.replacements,
        corrupted_vectors: outcome.corruptions,
        error,
        error_a: outcome
            .error_a
            .map(|ErrorA { relative, is_bound }| ErrorAFacts { relative_a_norm: relative, is_bound }),
        spectrum: krylov::Spectrum::of(&outcome.history).map(|spectrum| SpectrumFacts {
            lambda_min: spectrum.lambda_min,
            lambda_max: spectrum.lambda_max,
            condition: spectrum.condition(),
        }),
        largest_nu_gap: outcome
            .history
            .iter()
            .map(|record| record.nu_gap)
            .filter(|gap| gap.is_finite())
            .reduce(f64::max),
        solve_seconds: seconds,
        microseconds_per_iteration: 1e6 * seconds_per_iteration,
    }
}
