//! What is known of a matrix, for people, with advice.

use super::terminal::{bytes, count, grouped, mesh_lines};
use crate::problem::MeshFacts;
use serde::Serialize;
use std::fmt::Write as _;

/// Schema of [`MatrixInfo`] as JSON.
pub const INFO_SCHEMA: &str = "halocg-info/1";

/// A matrix, looked at.
#[derive(Clone, Debug, Default, Serialize)]
pub struct MatrixInfo {
    /// [`INFO_SCHEMA`].
    pub schema: &'static str,
    /// What it is.
    pub name: String,
    /// Global number of rows.
    pub rows: u64,
    /// Entries, both triangles.
    pub nonzeros: u64,
    /// Entries of the file that were added to one before at the same place.
    pub duplicates: u64,
    /// The mesh that it was made on, if it was.
    pub mesh: Option<MeshFacts>,
    /// Entries of the shortest row, of the mean row, of the longest.
    pub row_entries: (u64, f64, u64),
    /// Largest |i − j| of an entry.
    pub bandwidth: u64,
    /// Mean |i − j|.
    pub mean_distance: f64,
    /// The first pair of entries that differ across the diagonal, in words; null if the matrix is symmetric.
    pub asymmetry: Option<String>,
    /// Why the matrix is not positive definite, in words; null if nothing shows that it is not.
    pub indefinite: Option<String>,
    /// Smallest and largest diagonal entry.
    pub diagonal: (f64, f64),
    /// Diagonal entries below zero, zero or missing, above zero.
    pub diagonal_signs: (u64, u64, u64),
    /// Rows with aᵢᵢ ≥ Σ |aᵢⱼ|, j ≠ i.
    pub dominant_rows: u64,
    /// Off-diagonal entries above zero: without any, and with dominant rows, A is an M-matrix.
    pub positive_off_diagonal: u64,
    /// Smallest |aᵢⱼ| that is not zero, and largest.
    pub magnitudes: (f64, f64),
    /// Bounds of the spectrum by Gershgorin's circles.
    pub gershgorin: (f64, f64),
    /// The format that most ranks would keep it in.
    pub format: &'static str,
    /// What a pass reads of the matrix in it, per row.
    pub bytes_per_row: f64,
    /// Estimates of the spectrum of M⁻¹ A, for each M that was tried.
    pub estimates: Vec<Estimate>,
    /// Memory by number of ranks.
    pub needs: Vec<Needs>,
}

/// The spectrum of M⁻¹ A as some iterations of classic CG saw it: λ_min from above, λ_max from below.
#[derive(Clone, Debug, Serialize)]
pub struct Estimate {
    /// M.
    pub preconditioner: &'static str,
    /// Iterations taken.
    pub iterations: u64,
    /// Whether they met a direction p with ⟨p, A p⟩ ≤ 0.
    pub is_indefinite: bool,
    /// Smallest Ritz value.
    pub lambda_min: f64,
    /// Largest Ritz value.
    pub lambda_max: f64,
    /// Their ratio, not above the true condition number.
    pub condition: f64,
    /// Iterations to a relative tolerance of 1e-8 by the bound of Chebyshev polynomials for this condition number.
    pub foretold_iterations: u64,
    /// The iteration that met this tolerance, if one did.
    pub solved_at: Option<u64>,
}

/// Memory of one rank.
#[derive(Clone, Debug, Serialize)]
pub struct Needs {
    /// Number of ranks.
    pub ranks: u64,
    /// While a Matrix Market file is read.
    pub reading_bytes: u64,
    /// What rank 0 needs besides while METIS makes the partition; 0 if METIS is not asked.
    pub metis_bytes: u64,
    /// Matrix and vectors of a solve with pipe-pr-cg and a diagonal preconditioner, and the rows as they were read.
    pub solving_bytes: u64,
}

/// A condition number from which on a diagonal preconditioner alone makes for long solves.
const ILL: f64 = 1e5;
/// A diagonal with entries this far apart scales something.
const MUCH: f64 = 10.0;

impl MatrixInfo {
    /// One or two sentences on method and preconditioner.
    pub fn advice(&self) -> String {
        if self.asymmetry.is_some() {
            return "halocg solves symmetric systems only; mend the file, or use a solver such as GMRES.".into();
        }
        if self.indefinite.is_some() {
            let whole = self.diagonal_signs.0 == self.rows;
            let remedy = if whole { "if it is negative definite, solve with -A and -b" } else { "MINRES would" };
            return format!("The matrix is not positive definite: conjugate gradients do not apply; {remedy}.");
        }
        let of = |name: &str| self.estimates.iter().find(|found| found.preconditioner == name);
        let (Some(none), Some(jacobi)) = (of("none"), of("jacobi")) else {
            return "Begin with --pc jacobi, which costs next to nothing.".into();
        };
        let (best, mut text) = match (none.solved_at, jacobi.solved_at) {
            (without, Some(with)) if without.is_none_or(|without| 10 * with < 9 * without) => {
                let were = if with == 1 { "1 iteration was" } else { &format!("{with} iterations were") };
                let without = match without {
                    Some(without) => format!("without it it takes {without}"),
                    None => "without it they were not".into(),
                };
                (jacobi, format!("Use --pc jacobi: {were} enough for a tolerance of 1e-8; {without}."))
            }
            (None, None) if jacobi.condition < 0.7 * none.condition => {
                let [from, to] = [none.condition, jacobi.condition];
                let text = format!(
                    "Use --pc jacobi: it takes the condition number, as far as it was seen, from {from:.1e} to {to:.1e}."
                );
                (jacobi, text)
            }
            _ if self.diagonal.1 > MUCH * self.diagonal.0 => {
                (none, "The diagonal is far from constant: compare --pc none and jacobi.".into())
            }
            _ => (none, "The diagonal scales nothing here: --pc none will do as well as jacobi.".into()),
        };
        if best.solved_at.is_none() && best.condition > ILL {
            text += " It stays large: compare --pc bjacobi and ssor.";
        } else {
            text += " The default method, pipe-pr-cg, suits it; --solver auto measures whether hs-cg is faster.";
        }
        text
    }
}

/// The answers, for people.
pub fn info_summary(info: &MatrixInfo) -> String {
    let mut text = String::new();
    let mut line =
        |name: &str, value: String| writeln!(text, "{name:<12} {value}").expect("writing to a string succeeds");
    line("matrix", info.name.clone());
    let (shortest, mean, longest) = info.row_entries;
    line("size", format!("{} rows, {} nonzeros", grouped(info.rows), grouped(info.nonzeros)));
    if info.duplicates > 0 {
        line("", format!("{} entries of the file added to one before at the same place", grouped(info.duplicates)));
    }
    if let Some(mesh) = &info.mesh {
        mesh_lines(mesh, &mut line);
        line("groups", if mesh.groups.is_empty() { "none".into() } else { mesh.groups.clone() });
    }
    line("rows", format!("{shortest} / {mean:.1} / {longest} entries, min / avg / max"));
    line(
        "bandwidth",
        format!("{}, mean distance from the diagonal {:.0}", grouped(info.bandwidth), info.mean_distance),
    );
    line("symmetric", info.asymmetry.clone().unwrap_or("yes".into()));
    if let Some(why) = &info.indefinite {
        line("definite", format!("no: {why}"));
    }
    line("diagonal", format!("{:.3e} ... {:.3e}", info.diagonal.0, info.diagonal.1));
    let (below, zero, _) = info.diagonal_signs;
    if below + zero > 0 {
        line("", format!("{} negative, {} zero or missing", grouped(below), grouped(zero)));
    }
    let share = 100.0 * info.dominant_rows as f64 / info.rows.max(1) as f64;
    let signs = match info.positive_off_diagonal {
        0 => "no positive entry beside it".into(),
        some => format!("{} beside it", count(some, "positive entry")),
    };
    line("", format!("dominant in {share:.1} % of the rows; {signs}"));
    line("values", format!("{:.3e} ... {:.3e} in magnitude, zeros apart", info.magnitudes.0, info.magnitudes.1));
    line("spectrum", format!("within {:.3e} ... {:.3e} (Gershgorin)", info.gershgorin.0, info.gershgorin.1));
    // They say nothing where conjugate gradients broke down.
    let estimates = if info.indefinite.is_none() { &info.estimates[..] } else { &[] };
    for found in estimates {
        let name = if found.preconditioner == "none" { "A" } else { "D^-1 A" };
        line(
            "",
            format!(
                "{name:<6} {:.3e} ... {:.3e}, condition {:.1e} or more, seen by {} iterations of hs-cg",
                found.lambda_min, found.lambda_max, found.condition, found.iterations
            ),
        );
    }
    let name_of = |found: &Estimate| if found.preconditioner == "none" { "" } else { " with --pc jacobi" };
    if let Some((found, solved)) =
        estimates.iter().filter_map(|found| Some((found, found.solved_at?))).min_by_key(|(_, solved)| *solved)
    {
        line("", format!("{}{} met a tolerance of 1e-8, for a random b", count(solved, "iteration"), name_of(found)));
    } else if let Some(best) = estimates.iter().min_by_key(|found| found.foretold_iterations) {
        let iterations = count(best.foretold_iterations, "iteration");
        line("", format!("{iterations}{} to a tolerance of 1e-8, if that condition were the true one", name_of(best)));
    }
    if !info.format.is_empty() {
        line("storage", format!("{}, {:.1} bytes per row", info.format, info.bytes_per_row));
        let metis = if info.needs.iter().any(|need| need.metis_bytes > 0) { "; on rank 0 METIS besides" } else { "" };
        line("memory", format!("of one rank: at most while reading or making it, while solving{metis}"));
    }
    for need in &info.needs {
        let ranks = count(need.ranks, "rank");
        let [reading, solving, metis] =
            [need.reading_bytes, need.solving_bytes, need.metis_bytes].map(|count| bytes(count as f64));
        let metis = if need.metis_bytes > 0 { format!("  {metis:>9}") } else { String::new() };
        line("", format!("{ranks:>11}  {reading:>9}  {solving:>9}{metis}"));
    }
    line("advice", info.advice());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn estimate(preconditioner: &'static str, condition: f64) -> Estimate {
        Estimate {
            preconditioner,
            iterations: 9,
            is_indefinite: false,
            lambda_min: 1.0,
            lambda_max: condition,
            condition,
            foretold_iterations: 100,
            solved_at: None,
        }
    }

    fn with(none: f64, jacobi: f64) -> MatrixInfo {
        let estimates = vec![estimate("none", none), estimate("jacobi", jacobi)];
        MatrixInfo { diagonal: (1.0, 2.0), estimates, ..MatrixInfo::default() }
    }

    #[test]
    fn advice_follows_the_figures() {
        assert!(with(1e8, 100.0).advice().starts_with("Use --pc jacobi"));
        // What was solved counts more than conditions that were perhaps not seen whole.
        let solved = |none: Option<u64>, jacobi: Option<u64>| {
            let mut info = MatrixInfo { diagonal: (1.0, 1e6), ..with(1e7, 1e8) };
            (info.estimates[0].solved_at, info.estimates[1].solved_at) = (none, jacobi);
            (info.advice(), info_summary(&info))
        };
        let (advice, summary) = solved(None, Some(101));
        assert!(advice.starts_with("Use --pc jacobi: 101 iterations were enough") && !advice.contains("bjacobi"));
        assert!(summary.contains("101 iterations with --pc jacobi met a tolerance of 1e-8"), "{summary}");
        assert!(
            solved(Some(90), Some(1))
                .0
                .contains("1 iteration was enough for a tolerance of 1e-8; without it it takes 90")
        );
        assert!(solved(None, None).0.starts_with("The diagonal is far from constant"));
        assert!(solved(Some(100), Some(95)).0.starts_with("The diagonal is far"));
        assert!(solved(None, None).1.contains("100 iterations to a tolerance of 1e-8, if that condition"));
        assert!(with(100.0, 100.0).advice().contains("--pc none"));
        assert!(with(1e9, 1e8).advice().contains("bjacobi"));
        assert!(!with(1e9, 1e3).advice().contains("bjacobi"));
        let asymmetry = Some("A(1,2)".into());
        assert!(MatrixInfo { asymmetry, ..with(1.0, 1.0) }.advice().contains("symmetric systems only"));
        let mut indefinite = MatrixInfo { rows: 2, indefinite: Some("A(1,1) = -1".into()), ..with(1.0, 1.0) };
        assert!(indefinite.advice().contains("not positive definite") && indefinite.advice().contains("MINRES"));
        indefinite.diagonal_signs = (2, 0, 0);
        assert!(indefinite.advice().contains("-A and -b"));
        assert!(info_summary(&with(1e8, 100.0)).contains("condition 1.0e2 or more"));
    }
}
