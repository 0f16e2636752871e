//! Several methods on several problems, a row each: for the terminal, as CSV, as JSON.

use super::plot::{Chart, Curve};
use super::terminal::{grouped, seconds};
use serde::Serialize;
use std::fmt::Write as _;

/// Version of the schema of the JSON file of a comparison.
const COMPARISON_SCHEMA: &str = "halocg-comparison/1";

/// The JSON file of a comparison; see docs/json.md.
#[derive(Serialize)]
struct ComparisonFile<'a> {
    schema: &'static str,
    version: &'static str,
    command: Vec<String>,
    rows: &'a [Comparison],
}

/// One method on one problem with one preconditioner. b = A·(1, …, 1)/√n and x₀ = 0, so that the error is known.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// File name without folder and ending, or the generated problem's.
    pub matrix: String,
    /// Name of the preconditioner.
    pub preconditioner: String,
    /// Global number of rows.
    pub n: u64,
    /// Stored entries, both triangles.
    pub nnz: u64,
    /// Iterates of the run that the accuracy was measured on, x₀ included.
    pub run_length: u64,
    /// The paper's name of the method.
    pub variant: &'static str,
    /// First k with ‖x − x_k‖_A ≤ 1e-5 ‖x − x₀‖_A.
    pub iterations_to_1e_5: Option<u64>,
    /// log₁₀ of the smallest relative A-norm error of the run.
    pub log10_min_error: f64,
    /// Number of ranks.
    pub ranks: usize,
    /// The solve to the tolerance; none under the paper's protocol.
    pub solve: Option<TimedSolve>,
    /// ‖x − x_k‖_A / ‖x − x₀‖_A of every iterate.
    pub errors: Vec<f64>,
    /// ‖b − A x_k‖₂ / ‖b‖₂ of every iterate.
    pub residuals: Vec<f64>,
}

/// A solve to the tolerance.
#[derive(Clone, Debug, Serialize)]
pub struct TimedSolve {
    /// PETSc's name for why it ended.
    pub petsc_reason: &'static str,
    /// Iterations taken.
    pub iterations: u64,
    /// ‖b − A x‖₂ / ‖b‖₂ at the end.
    pub true_relative_residual: f64,
    /// Microseconds per iteration on the slowest rank.
    pub microseconds_per_iteration: f64,
    /// Global sums per iteration.
    pub sums_per_iteration: f64,
    /// Vectors multiplied by A per iteration.
    pub products_per_iteration: f64,
    /// How often the recurrence's residual was replaced.
    pub replaced_residuals: u64,
    /// How often a vector was found to be corrupted in memory.
    pub corrupted_vectors: u64,
}

impl Comparison {
    /// True for rows of the same matrix and preconditioner: those that belong into one table and one chart.
    pub fn is_beside(&self, other: &Comparison) -> bool {
        (&self.matrix, &self.preconditioner) == (&other.matrix, &other.preconditioner)
    }
}

/// Charts of a block of rows: error and true residual over iterations and, where it was measured,
/// over time. Each with a name for its file.
pub fn convergence_charts(block: &[Comparison]) -> Vec<(String, Chart)> {
    let Comparison { matrix, preconditioner, ranks, .. } = &block[0];
    let plural = if *ranks == 1 { "" } else { "s" };
    let title = format!("{matrix}, preconditioner {preconditioner}, {ranks} rank{plural}");
    let timed = block.iter().all(|row| row.solve.is_some());
    let mut charts = Vec::new();
    for (kind, y_label) in [("error", "relative A-norm of the error"), ("residual", "relative norm of b - A x")] {
        for over_time in [false, true] {
            if over_time && !timed {
                continue;
            }
            let curve = |row: &Comparison| {
                let values = if kind == "error" { &row.errors } else { &row.residuals };
                let each = row.solve.as_ref().map_or(1.0, |solve| solve.microseconds_per_iteration / 1e6);
                let scale = if over_time { each } else { 1.0 };
                let points = values.iter().enumerate().map(|(k, &value)| (k as f64 * scale, value)).collect();
                Curve::new(row.variant, points)
            };
            let x_label = if over_time { "seconds" } else { "iterations" };
            let chart = Chart {
                title: title.clone(),
                x_label: x_label.into(),
                y_label: y_label.into(),
                curves: block.iter().map(curve).collect(),
            };
            let suffix = if over_time { "-time" } else { "" };
            charts.push((format!("{matrix}-{preconditioner}-{kind}{suffix}"), chart));
        }
    }
    charts
}

/// The columns of the published convergence table, and further ones after them.
pub fn comparison_csv(rows: &[Comparison]) -> String {
    let mut text = String::from(
        "matrix,preconditioner,n,nnz,run_length,variant,iterations_to_1e-5,log10_min_error,ranks,reason,iterations,\
         true_relative_residual,microseconds_per_iteration,sums_per_iteration,products_per_iteration,replaced_residuals,\
         corrupted_vectors\n",
    );
    for row in rows {
        let Comparison { matrix, preconditioner, n, nnz, run_length, variant, log10_min_error, ranks, .. } = row;
        let to_1e_5 = row.iterations_to_1e_5.map_or(String::new(), |count| count.to_string());
        let solve = row.solve.as_ref().map_or(",,,,,,,".into(), |solve| {
            format!(
                "{},{},{:e},{:.3},{:.3},{:.3},{},{}",
                solve.petsc_reason,
                solve.iterations,
                solve.true_relative_residual,
                solve.microseconds_per_iteration,
                solve.sums_per_iteration,
                solve.products_per_iteration,
                solve.replaced_residuals,
                solve.corrupted_vectors
            )
        });
        writeln!(
            text,
            "{matrix},{preconditioner},{n},{nnz},{run_length},{variant},{to_1e_5},{log10_min_error:.2},{ranks},{solve}"
        )
        .expect("writing to a string succeeds");
    }
    text
}

/// The rows with all curves; NaN and infinities become `null`.
pub fn comparison_json(rows: &[Comparison]) -> String {
    let file = ComparisonFile {
        schema: COMPARISON_SCHEMA,
        version: env!("CARGO_PKG_VERSION"),
        command: std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect(),
        rows,
    };
    serde_json::to_string(&file).expect("rows hold nothing that JSON cannot say") + "\n"
}

/// A block per problem and preconditioner.
pub fn comparison_table(rows: &[Comparison]) -> String {
    let mut text = String::new();
    for block in rows.chunk_by(Comparison::is_beside) {
        let Comparison { matrix, preconditioner, n, nnz, ranks, run_length, .. } = &block[0];
        let plural = if *ranks == 1 { "" } else { "s" };
        writeln!(
            text,
            "{matrix}, preconditioner {preconditioner}: {} rows, {} nonzeros, {ranks} rank{plural}",
            grouped(*n),
            grouped(*nnz)
        )
        .expect("writing to a string succeeds");
        let timed = block.iter().any(|row| row.solve.is_some());
        let head = format!("{:<14}{:>9}{:>11}", "", "to 1e-5", "min error");
        let head_timed = format!(
            "{:>12}{:>12}{:>12}{:>7}{:>10}{:>10}  {}",
            "iterations", "residual", "time/it", "sums", "products", "replaced", "reason"
        );
        text.push_str(&head);
        text.push_str(if timed { &head_timed } else { "" });
        text.push('\n');
        for row in block {
            let to_1e_5 = row.iterations_to_1e_5.map_or("-".into(), grouped);
            write!(text, "{:<14}{to_1e_5:>9}{:>11.2}", row.variant, row.log10_min_error)
                .expect("writing to a string succeeds");
            if let Some(solve) = &row.solve {
                write!(
                    text,
                    "{:>12}{:>12.2e}{:>12}{:>7.2}{:>10.2}{:>10}  {}",
                    grouped(solve.iterations),
                    solve.true_relative_residual,
                    seconds(solve.microseconds_per_iteration / 1e6),
                    solve.sums_per_iteration,
                    solve.products_per_iteration,
                    solve.replaced_residuals,
                    solve.petsc_reason
                )
                .expect("writing to a string succeeds");
            }
            text.push('\n');
        }
        writeln!(
            text,
            "(to 1e-5, min error: relative A-norm error over {} iterates, min error as log10)\n",
            grouped(*run_length)
        )
        .expect("writing to a string succeeds");
    }
    text
}
