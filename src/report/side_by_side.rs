//! Two or more runs of the same problem, one column each.

use super::facts::{MethodFacts, Run};
use super::terminal::{bytes, grouped, seconds};
use std::fmt::Write as _;

/// The table, one column per titled run; `difference` is the largest relative difference between the residual histories.
pub fn side_by_side(runs: &[(&str, Run)], difference: f64) -> String {
    let first = &runs[0].1;
    let MethodFacts { solver, preconditioner, .. } = first.method;
    let mut text =
        format!("{}, {solver}, preconditioner {preconditioner}, {}\n", first.problem.name, first.machine.engine);
    write!(text, "{:<34}", "").expect("writing to a string succeeds");
    for (title, _) in runs {
        write!(text, "{title:>18}").expect("writing to a string succeeds");
    }
    text.push('\n');
    let mut row = |name: &str, cell: &dyn Fn(&Run) -> String| {
        write!(text, "{name:<34}").expect("writing to a string succeeds");
        for (_, run) in runs {
            write!(text, "{:>18}", cell(run)).expect("writing to a string succeeds");
        }
        text.push('\n');
    };
    row("result", &|run| run.outcome.petsc_reason.to_string());
    row("iterations", &|run| grouped(run.outcome.iterations));
    row("true ||b - Ax|| / ||b||", &|run| format!("{:.3e}", run.outcome.true_relative_residual));
    row("||x - x*|| / ||x*||", &|run| match &run.outcome.error {
        Some(error) => format!("{:.3e}", error.relative_2_norm),
        None => "-".into(),
    });
    row("time per iteration", &|run| seconds(run.outcome.microseconds_per_iteration / 1e6));
    for phase in 0..first.phases.len() {
        row(&format!("  {}", first.phases[phase].name), &|run| {
            seconds(run.phases[phase].seconds.avg / run.outcome.iterations.max(1) as f64)
        });
    }
    row("stored entries", &|run| grouped(run.problem.nonzeros));
    row("halo bytes per iteration", &|run| bytes(run.traffic.halo_bytes_per_iteration));
    row("words reduced per iteration", &|run| grouped(run.traffic.sum_words_per_iteration.round() as u64));
    row("sums per iteration", &|run| format!("{:.2}", run.traffic.sums as f64 / run.outcome.iterations.max(1) as f64));
    writeln!(text, "largest relative difference of the residual histories: {difference:.2e}")
        .expect("writing to a string succeeds");
    text
}
