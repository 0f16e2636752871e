//! Recomputes the published convergence table of Chen & Carson (2020) with every method, on four
//! ranks (threads), and writes it beside the published figures to docs/accuracy.md.
//!
//! `make paper-table` runs it; `make paper-table-full` includes the cases of more than 20 000 iterates.

#[path = "../tests/common/paper.rs"]
mod published;

use halocg::comm::Comm;
use halocg::krylov;
use halocg::problem::Source;
use published::{Row, error_history, is_off, table};
use std::fmt::Write as _;
use std::path::PathBuf;

const RANKS: usize = 4;
/// Longer runs are left to the full table.
const LONGEST: u64 = 20_000;

/// One matrix and preconditioner: the published rows, and ours by variant.
struct Case {
    published: Vec<Row>,
    ours: Vec<(&'static str, Option<u64>, f64)>,
    deviations: Vec<String>,
}

fn main() {
    let folder = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let Some(matrices) = folder("HALOCG_MATRICES") else {
        eprintln!("HALOCG_MATRICES is not set; it names the folder with the matrices of the published table");
        std::process::exit(1);
    };
    let reference = folder("HALOCG_REFERENCE").unwrap_or_else(|| matrices.join("../reference"));
    let full = std::env::args().any(|argument| argument == "--full");
    let (mut cases, mut left_out) = (Vec::new(), Vec::new());
    let mut rows = table(&reference).into_iter().peekable();
    while let Some(first) = rows.next() {
        let mut published = vec![first];
        while let Some(row) = rows.next_if(|row| row.is_of(&published[0])) {
            published.push(row);
        }
        let Row { matrix, preconditioner, run_length, .. } = &published[0];
        let path = matrices.join(format!("{matrix}.mtx"));
        if !path.is_file() {
            left_out.push(format!("{matrix} ({preconditioner}): the matrix is not at hand"));
        } else if *run_length > LONGEST && !full {
            left_out.push(format!("{matrix} ({preconditioner}): {run_length} iterates"));
        } else {
            eprintln!("{matrix} {preconditioner} ({run_length} iterates)");
            cases.push(run(published, &Source::File(path)));
        }
    }
    std::fs::create_dir_all("docs").expect("docs/ can be made");
    std::fs::write("docs/accuracy.md", document(&cases, &left_out)).expect("docs/accuracy.md can be written");
    let (rows, off): (usize, usize) =
        (cases.iter().map(|case| case.published.len()).sum(), cases.iter().map(|case| case.deviations.len()).sum());
    println!("docs/accuracy.md: {rows} published rows recomputed, {off} outside the tolerances");
}

fn run(published: Vec<Row>, source: &Source) -> Case {
    let Row { preconditioner, run_length, .. } = &published[0];
    let (mut ours, mut deviations) = (Vec::new(), Vec::new());
    for method in krylov::TABLE {
        let run = |comm: &Comm| error_history(comm, source, method, preconditioner, *run_length);
        let errors = Comm::threads(RANKS, run).swap_remove(0);
        let iterations = errors.iter().position(|&error| error <= 1e-5).map(|k| k as u64);
        let least = errors.iter().copied().fold(f64::INFINITY, f64::min).log10();
        ours.push((method.paper_name, iterations, least));
        if let Some(row) = published.iter().find(|row| row.variant == method.paper_name) {
            deviations.extend(is_off(row, &errors).then(|| row.variant.clone()));
        }
    }
    Case { published, ours, deviations }
}

fn document(cases: &[Case], left_out: &[String]) -> String {
    let mut text = String::from(
        "# Accuracy: the published table, recomputed\n\n\
         Chen & Carson (2020) tabulate, for each method, the iterations until the A-norm of the error has fallen by 1e-5, and\n\
         log10 of the smallest relative A-norm error of a long run (b = A ones/sqrt(n), x0 = 0, no early stop, nothing replaced).\n\
         Below, each cell holds ours and the published figure (GV-CG-RR is not in the paper). Ours are from 4 ranks (threads),\n\
         METIS partition; `make paper-table` writes this file.\n\n\
         A row marked * leaves the tolerances of `is_off` in tests/common/paper.rs: how far another order of summation alone\n\
         moved the figures in a smaller experiment. A dash means that 1e-5 was not reached within the run.\n\n\
         With Jacobi, PIPE-PR-CG and PIPE-PR-M-CG keep M⁻¹r and M⁻¹s and form r and s from them, where the paper updates\n\
         all four: fewer rounding errors, and on nos2 fewer iterations than published.\n\n",
    );
    write_summary(&mut text, cases);
    for case in cases {
        let Row { matrix, preconditioner, n, run_length, .. } = &case.published[0];
        writeln!(text, "\n## {matrix}, preconditioner {preconditioner} (n = {n}, {run_length} iterates)\n").unwrap();
        writeln!(text, "| method | iterations | published | log10 min error | published | |").unwrap();
        writeln!(text, "|---|---:|---:|---:|---:|---|").unwrap();
        for (variant, iterations, least) in &case.ours {
            let count = |count: &Option<u64>| count.map_or("–".to_string(), |count| count.to_string());
            let published = case.published.iter().find(|row| row.variant == *variant);
            let (their_iterations, their_least) = published.map_or((String::new(), String::new()), |row| {
                (count(&row.iterations), row.log10_min_error.to_string())
            });
            let mark = if case.deviations.iter().any(|name| name == variant) { "*" } else { "" };
            let ours = count(iterations);
            writeln!(text, "| {variant} | {ours} | {their_iterations} | {least:.2} | {their_least} | {mark} |")
                .unwrap();
        }
    }
    if !left_out.is_empty() {
        text.push_str("\n## Left out\n\n");
        for case in left_out {
            writeln!(text, "- {case}").unwrap();
        }
    }
    text
}

/// How each method does against HS-CG over all cases.
fn write_summary(text: &mut String, cases: &[Case]) {
    text.push_str(
        "| method | cases | 1e-5 not reached | iterations / HS-CG: median | max | digits lost against HS-CG: median | max |\n\
         |---|---:|---:|---:|---:|---:|---:|\n",
    );
    for method in krylov::TABLE {
        let (mut ratios, mut lost, mut failed) = (Vec::new(), Vec::new(), 0);
        for case in cases {
            let of = |name: &str| case.ours.iter().find(|row| row.0 == name).expect("every method ran");
            let ((_, iterations, least), (_, classic, classic_least)) = (of(method.paper_name), of("HS-CG"));
            lost.push(least - classic_least);
            match (iterations, classic) {
                (Some(iterations), Some(classic)) => ratios.push(*iterations as f64 / *classic as f64),
                _ => failed += 1,
            }
        }
        let (ratio, ratio_max) = median_and_max(ratios);
        let (digits, digits_max) = median_and_max(lost);
        let name = method.paper_name;
        let cases = cases.len();
        writeln!(text, "| {name} | {cases} | {failed} | {ratio:.3} | {ratio_max:.3} | {digits:.2} | {digits_max:.2} |")
            .unwrap();
    }
}

fn median_and_max(mut values: Vec<f64>) -> (f64, f64) {
    values.sort_by(f64::total_cmp);
    (values.get(values.len() / 2).copied().unwrap_or(f64::NAN), values.last().copied().unwrap_or(f64::NAN))
}
