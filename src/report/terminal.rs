//! The summary for people.

use super::facts::{PartitionFacts, Run, Spread};
use super::resources::PhaseSeconds;
use crate::comm::SumAlgorithm;
use crate::krylov::Reason;
use crate::problem::MeshFacts;

/// A number with its thousands set apart.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// So many of something, in words.
pub(super) fn count(number: u64, what: &str) -> String {
    let plural = what.strip_suffix('y').map_or(format!("{what}s"), |stem| format!("{stem}ies"));
    format!("{} {}", grouped(number), if number == 1 { what } else { &plural })
}

/// Seconds with a unit that suits them.
pub(super) fn seconds(value: f64) -> String {
    match value {
        v if v >= 100.0 => format!("{v:.0} s"),
        v if v >= 0.1 => format!("{v:.2} s"),
        v if v >= 1e-4 => format!("{:.2} ms", v * 1e3),
        v => format!("{:.1} us", v * 1e6),
    }
}

/// Bytes with a unit that suits them.
pub(super) fn bytes(value: f64) -> String {
    match value {
        v if v >= 1e9 => format!("{:.2} GB", v / 1e9),
        v if v >= 1e6 => format!("{:.2} MB", v / 1e6),
        v if v >= 1e3 => format!("{:.1} kB", v / 1e3),
        v => format!("{v:.0} B"),
    }
}

/// Counts, min / avg / max.
fn spread(value: &Spread) -> String {
    format!("{} / {} / {}", grouped(value.min as u64), grouped(value.avg.round() as u64), grouped(value.max as u64))
}

/// Who owns what, for `ranks` or `parts`.
pub(super) fn partition_lines(partition: &PartitionFacts, of: &str, line: &mut impl FnMut(&str, String)) {
    let empty = match partition.empty_ranks {
        0 => String::new(),
        ranks => format!(", {ranks} {of} without rows"),
    };
    line("  rows", format!("{}, imbalance {:.3}{empty}", spread(&partition.rows), partition.row_imbalance));
    line("  nonzeros", format!("{}, imbalance {:.3}", spread(&partition.nonzeros), partition.imbalance));
    line("  ghosts", format!("{}, edge cut {}", spread(&partition.ghost_rows), grouped(partition.edge_cut)));
    let exchange = bytes(partition.bytes_per_pair_exchange as f64);
    line("  sent", format!("{}, {exchange} per exchange of two vectors", spread(&partition.sent_rows)));
    line("  neighbours", spread(&partition.neighbours));
    if let Some(granted) = partition.metis_bytes {
        line("  METIS", format!("was granted {} of memory on rank 0", bytes(granted as f64)));
    }
}

/// The mesh and the problem on it.
pub(super) fn mesh_lines(mesh: &MeshFacts, line: &mut impl FnMut(&str, String)) {
    let held = match mesh.held_nodes {
        1 => "1 node holds its value".into(),
        nodes => format!("{} nodes hold their value", grouped(nodes)),
    };
    let cells = match (mesh.cells, mesh.cell_kind) {
        (1, "triangles") => "1 triangle".into(),
        (1, _) => "1 tetrahedron".into(),
        (cells, kind) => format!("{} {kind}", grouped(cells)),
    };
    line("mesh", format!("{cells}, {held}"));
    line("", mesh.conditions.clone());
    if mesh.orphans > 0 {
        let what = if mesh.orphans == 1 { "node of the file belongs" } else { "nodes of the file belong" };
        line("", format!("{} {what} to no cell and are left out", grouped(mesh.orphans)));
    }
}

/// A line of a summary.
fn summary_line(name: &str, value: &str) -> String {
    format!("{name:<12} {value}\n")
}

/// The last line, about files.
pub fn written_line(names: &[String]) -> String {
    summary_line("written", &names.join(", "))
}

/// The summary of a run.
pub fn summary(run: &Run) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: String| text.push_str(&summary_line(name, &value));
    line("problem", run.problem.name.clone());
    line(
        "",
        format!("{} rows, {} nonzeros, {}", grouped(run.problem.rows), grouped(run.problem.nonzeros), run.problem.rhs),
    );
    if run.problem.duplicates > 0 {
        line(
            "",
            format!("{} entries of the file added to one before at the same place", grouped(run.problem.duplicates)),
        );
    }
    if let Some(mesh) = &run.problem.mesh {
        mesh_lines(mesh, &mut line);
    }
    line("ranks", run.machine.engine.clone());
    if run.sum.algorithm == SumAlgorithm::RecursiveDoubling.name() || run.sum.measured_microseconds.is_some() {
        line("  sums", format!("{} ({})", run.sum.algorithm, run.sum.why));
    }
    if let Some(PartitionFacts { method, rows, imbalance, .. }) =
        run.partition.as_ref().filter(|_| run.machine.ranks > 1)
    {
        let (least, most) = (grouped(rows.min as u64), grouped(rows.max as u64));
        let each = if least == most { format!("{most} rows each") } else { format!("{least} to {most} rows") };
        line("partition", format!("{method}, {each}, imbalance {imbalance:.3} by nonzeros"));
    }
    let method = &run.method;
    let sub = method.sub_preconditioner.map_or(String::new(), |sub| format!(" ({sub})"));
    let bits = if method.reproducible { ", reproducible" } else { "" };
    line(
        "method",
        format!("{}, preconditioner {}{sub}, rtol {:e}{bits}", method.solver, method.preconditioner, method.rtol),
    );
    if let Some(choice) = &method.choice {
        line("", format!("auto: {}", choice.reason));
    }
    if let Some(note) = &method.preconditioner_note {
        line("", note.clone());
    }

    let outcome = &run.outcome;
    line("result", format!("{} ({})", outcome.reason, outcome.petsc_reason));
    line(
        "iterations",
        format!(
            "{} in {}, {} each",
            grouped(outcome.iterations),
            seconds(outcome.solve_seconds),
            seconds(outcome.microseconds_per_iteration / 1e6)
        ),
    );
    let checkpoint = &run.checkpoint;
    if let Some(iteration) = checkpoint.restarted_at {
        let anew = if checkpoint.begun_anew { ", from its x alone: the preconditioner is another one" } else { "" };
        line("", format!("restarted at iteration {}{anew}", grouped(iteration)));
    }
    let replaced = match outcome.replaced_residuals {
        0 => String::new(),
        times => format!(", replaced {times} x"),
    };
    line(
        "residual",
        format!(
            "||b - Ax|| / ||b|| = {:.3e} true, {:.3e} by the recurrence{replaced}",
            outcome.true_relative_residual, outcome.recurrence_relative_residual
        ),
    );
    match outcome.corrupted_vectors {
        0 => (),
        times if run.options.get("assume-symmetric").is_some_and(|given| given.iter().any(|flag| flag == "true")) => {
            line(
                "",
                format!(
                    "scalars made no sense {times} x: the matrix is not symmetric (--assume-symmetric), or memory is bad"
                ),
            )
        }
        1 => line("", "one vector was corrupted in memory; the solve went on without the error".into()),
        times => line("", format!("vectors were corrupted in memory {times} x; the solve went on without the errors")),
    }
    if let Some(error) = &outcome.error {
        line(
            "error",
            format!(
                "{:.3e} relative 2-norm, {:.3e} max-norm, against {}",
                error.relative_2_norm, error.max_norm, error.against
            ),
        );
    }
    if let Some(error) = &outcome.error_a {
        let what = if error.is_bound { "at most" } else { "estimated" };
        line(
            if outcome.error.is_some() { "" } else { "error" },
            format!("{:.3e} relative A-norm, against that of the initial guess, {what}", error.relative_a_norm),
        );
    }
    let is_short = outcome.petsc_reason == Reason::IterationLimit.petsc_name() && method.rtol > 0.0;
    if is_short && method.preconditioner == "none" {
        line("advice", "a preconditioner may help (--pc jacobi); halocg info tells what to try".into());
    }
    line("time", format!("set-up {}; {}", seconds(run.setup_seconds.total()), shares(run)));
    if let (Some(file), Some(iteration)) = (&checkpoint.file, checkpoint.saved_at) {
        let took = seconds(checkpoint.seconds);
        line("checkpoint", format!("{file}, of iteration {}; saving took {took} of the solve", grouped(iteration)));
    }
    if let Some(command) = &checkpoint.go_on {
        line("to go on", command.clone());
    }
    text
}

/// The phases in which the solve spent most of its time.
fn shares(run: &Run) -> String {
    let share = |phase: &PhaseSeconds| 100.0 * phase.seconds.avg / run.outcome.solve_seconds.max(f64::MIN_POSITIVE);
    let mut phases: Vec<(f64, &str)> = run.phases.iter().map(|phase| (share(phase), phase.name)).collect();
    phases.sort_by(|a, b| b.0.total_cmp(&a.0));
    let largest = phases.into_iter().filter(|(share, _)| *share >= 1.0);
    let words: Vec<String> = largest.map(|(share, name)| format!("{name} {share:.0} %")).collect();
    let solve = format!("solve {}", seconds(run.outcome.solve_seconds));
    if words.is_empty() { solve } else { format!("{solve}: {}", words.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(1234), "1 234");
        assert_eq!(grouped(123456789), "123 456 789");
        assert_eq!(seconds(0.0125), "12.50 ms");
        assert_eq!(seconds(2.0), "2.00 s");
        assert_eq!(bytes(2048.0), "2.0 kB");
    }
}
