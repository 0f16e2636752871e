//! What can be said of a matrix without solving with it for long.

use super::outputs::{Results, check_files, of_source};
use super::vectors::{RightHandSide, SINGULAR, is_rounding, right_hand_side};
use super::{Distributed, describe, distribute, show};
use crate::comm::{Comm, Op};
use crate::error::{ExitCode, Result};
use crate::files::write_file;
use crate::krylov::{self, Kind, Settings, Spectrum};
use crate::operator::{MatrixOptions, Operator};
use crate::partition::{Partition, metis_bytes};
use crate::preconditioner;
use crate::problem::{self, EvenSplit, Loaded, Problem, Reading, Rows, Source, checks};
use crate::report::{Estimate, INFO_SCHEMA, MatrixInfo, Needs, Spy, info_summary};
use std::path::PathBuf;

/// Questions about a matrix.
#[derive(Clone, Debug)]
pub struct InfoJob {
    /// The matrix. Not the dense problem.
    pub source: Source,
    /// How rows are given to ranks while its spectrum is estimated.
    pub partition: Partition,
    /// Iterations that estimate the spectrum, for each preconditioner; 0 leaves it out.
    pub iterations: u64,
    /// Of so many ranks the memory is asked for.
    pub ranks: Option<u32>,
    /// Picture of where the entries are.
    pub spy: Option<PathBuf>,
    /// The answers as JSON.
    pub json: Option<PathBuf>,
}

/// Bytes that a rank needs for each entry and each row of its even share at the peak of reading (see docs/formats.md).
const READING_BYTES: [u64; 2] = [32, 40];
/// What stays of it during the solve.
const HELD_BYTES: [u64; 2] = [16, 16];
/// Bytes of an entry and of a row in compressed rows, which every matrix can be kept in.
const CSR_BYTES: [u64; 2] = [12, 4];
/// Vectors that a solve keeps, the right-hand side among them; those of pipe-pr-cg with a diagonal preconditioner.
const VECTORS: u64 = 8;
/// Rows of a rank that it is worth speaking of.
const LEAST_ROWS: u64 = 100;
/// What the tolerance of a solve is by default, for the number of iterations that is foretold.
const RTOL: f64 = 1e-8;

/// Reads the matrix, looks at it, and prints what it found. Collective.
///
/// # Errors
/// Whatever is wrong with the file, but for asymmetry and a bad diagonal, which are reported; the same on every rank. A
/// file that cannot be written keeps nothing else from being printed and written.
pub fn info(comm: &Comm, job: &InfoJob) -> Result<ExitCode> {
    let written = [("--spy", job.spy.as_deref()), ("--json", job.json.as_deref())];
    check_files(comm, &[of_source(&job.source)], &written)?;
    let reading = Reading { assume_symmetric: true, any_diagonal: true, ..Reading::default() };
    let Loaded { problem, duplicates } = problem::load_with(comm, &job.source, &reading)?;
    let n = problem.n();
    let rows = problem.even_share(comm);
    let looks = checks::Looks::at(&rows);
    let asymmetry = if looks.is_exactly_symmetric(comm) { None } else { checks::asymmetry(comm, n, &rows) };
    let picture = job.spy.as_ref().map(|_| spy(comm, &problem, describe(&job.source)));
    let mut info = MatrixInfo {
        schema: INFO_SCHEMA,
        name: describe(&job.source),
        duplicates,
        mesh: problem.mesh_facts().cloned(),
        asymmetry: asymmetry.map(|found| found.words("one triangle is missing")),
        indefinite: looks.bad_diagonal(comm),
        ..looked_at(comm, n, &rows)
    };
    drop(rows);
    if info.asymmetry.is_none() && info.indefinite.is_none() {
        estimate(comm, job, &problem, &mut info)?;
    } else {
        info.format = "csr";
        info.bytes_per_row = CSR_BYTES[0] as f64 * info.nonzeros as f64 / n as f64 + CSR_BYTES[1] as f64;
    }
    info.needs = needs(comm, job, &problem, &info);
    let shown = show(comm, || info_summary(&info));
    let mut results = Results::new(comm);
    results.by_root(job.spy.as_deref(), |path| picture.map_or(Ok(()), |picture| write_file(path, &picture.png())));
    results.by_root(job.json.as_deref(), |path| {
        let text = serde_json::to_string_pretty(&info).expect("numbers and texts become JSON");
        write_file(path, (text + "\n").as_bytes())
    });
    results.finish(shown)?;
    Ok(ExitCode::Converged)
}

/// What one pass over the even shares tells. Collective.
fn looked_at(comm: &Comm, n: u64, rows: &Rows) -> MatrixInfo {
    let (mut bandwidth, mut longest, mut dominant, mut positive, mut reach) = (0, 0, 0, 0, 0.0_f64);
    let mut signs = [0; 3];
    let mut shortest = u64::MAX;
    let (mut smallest, mut largest) = (f64::INFINITY, 0.0_f64);
    let (mut diagonal, mut gershgorin) = ((f64::INFINITY, f64::NEG_INFINITY), (f64::INFINITY, f64::NEG_INFINITY));
    for k in 0..rows.len() {
        let (columns, values) = rows.row(k);
        let row = rows.numbers[k];
        let (mut own, mut others) = (0.0, 0.0);
        for (&column, &value) in columns.iter().zip(values) {
            bandwidth = bandwidth.max(row.abs_diff(column));
            reach += row.abs_diff(column) as f64;
            if value != 0.0 {
                smallest = smallest.min(value.abs());
            }
            largest = largest.max(value.abs());
            if column == row {
                own = value;
            } else {
                others += value.abs();
                positive += u64::from(value > 0.0);
            }
        }
        signs[if own < 0.0 { 0 } else { 1 + usize::from(own > 0.0) }] += 1;
        shortest = shortest.min(columns.len() as u64);
        longest = longest.max(columns.len() as u64);
        dominant += u64::from(own >= others);
        diagonal = (diagonal.0.min(own), diagonal.1.max(own));
        gershgorin = (gershgorin.0.min(own - others), gershgorin.1.max(own + others));
    }
    let least = |number: f64| {
        let mut least = [number];
        comm.reduce_f64(Op::Min, &mut least);
        least[0]
    };
    let most = |number: f64| -least(-number);
    let nonzeros = comm.reduced(Op::Sum, rows.columns.len() as u64);
    let mut total_reach = [reach];
    comm.reduce_f64(Op::Sum, &mut total_reach);
    comm.reduce_u64(Op::Sum, &mut signs);
    MatrixInfo {
        rows: n,
        nonzeros,
        row_entries: (comm.reduced(Op::Min, shortest), nonzeros as f64 / n as f64, comm.reduced(Op::Max, longest)),
        bandwidth: comm.reduced(Op::Max, bandwidth),
        mean_distance: total_reach[0] / nonzeros.max(1) as f64,
        dominant_rows: comm.reduced(Op::Sum, dominant),
        positive_off_diagonal: comm.reduced(Op::Sum, positive),
        magnitudes: (least(smallest), most(largest)),
        diagonal: (least(diagonal.0), most(diagonal.1)),
        diagonal_signs: signs.into(),
        gershgorin: (least(gershgorin.0), most(gershgorin.1)),
        ..MatrixInfo::default()
    }
}

/// Adds what a few iterations tell of the spectrum, and how the matrix would be kept. Collective.
fn estimate(comm: &Comm, job: &InfoJob, problem: &Problem, info: &mut MatrixInfo) -> Result<()> {
    let Distributed { mut a, facts, .. } =
        distribute(comm, &job.source, problem, &job.partition, &MatrixOptions::default())?;
    let storage = facts.expect("only the dense problem has no storage").1;
    info.format = storage.ranks_by_format.iter().max_by_key(|(_, ranks)| **ranks).map_or("", |(name, _)| name);
    info.bytes_per_row = storage.bytes_per_row;
    let row_sums = right_hand_side(&RightHandSide::A1, problem, a.as_mut())?.0;
    if is_rounding(a.as_ref(), &row_sums) {
        info.indefinite = Some(SINGULAR.into());
        return Ok(());
    }
    for name in ["none", "jacobi"] {
        let m = preconditioner::Kind::named(name).expect("it is in the table");
        info.estimates.extend(spectrum(a.as_mut(), problem, m, job.iterations)?);
    }
    info.indefinite = info
        .estimates
        .iter()
        .find(|found| found.is_indefinite)
        .map(|found| format!("after {} iterations hs-cg met a direction p with <p, A p> <= 0", found.iterations));
    Ok(())
}

/// Memory by number of ranks. Collective.
fn needs(comm: &Comm, job: &InfoJob, problem: &Problem, info: &MatrixInfo) -> Vec<Needs> {
    let MatrixInfo { rows, nonzeros, .. } = *info;
    // METIS sees what the graph of a mesh has, held nodes too.
    let graph_entries = match job.partition {
        Partition::Metis => {
            let graph = problem.graph_share(comm);
            let beside = |k: usize| graph.row(k).0.iter().filter(|&&column| column != graph.numbers[k]).count();
            comm.reduced(Op::Sum, (0..graph.len()).map(beside).sum::<usize>() as u64)
        }
        _ => 0,
    };
    // What comes from a formula is not held.
    let held = match problem {
        Problem::Matrix(..) | Problem::Mesh(_) => HELD_BYTES[0] * nonzeros + HELD_BYTES[1] * rows,
        _ => 0,
    };
    let solving = (info.bytes_per_row * rows as f64) as u64 + 8 * VECTORS * rows + held;
    let powers = [1, 4, 16, 64, 256, 1024].into_iter().filter(|&ranks| ranks == 1 || rows / ranks >= LEAST_ROWS);
    // Not less than a row.
    let of_a_rank = |bytes: u64, ranks: u64| bytes / ranks.min(rows.max(1));
    let mut ranks: Vec<u64> = powers.chain(job.ranks.map(u64::from)).collect();
    ranks.sort_unstable();
    ranks.dedup();
    ranks
        .into_iter()
        .map(|ranks| Needs {
            ranks,
            reading_bytes: of_a_rank(READING_BYTES[0] * nonzeros + READING_BYTES[1] * rows, ranks),
            metis_bytes: metis_bytes(rows, rows + graph_entries, ranks as usize),
            solving_bytes: of_a_rank(solving, ranks),
        })
        .collect()
}

/// The spectrum of M⁻¹ A by classic CG on a random right-hand side. None without a step. Collective.
fn spectrum(
    a: &mut dyn Operator,
    problem: &Problem,
    kind: &'static preconditioner::Kind,
    iterations: u64,
) -> Result<Option<Estimate>> {
    let mut m = kind.build(a)?;
    let b = right_hand_side(&RightHandSide::Random(0), problem, a)?.0;
    let settings = Settings { max_iterations: iterations, rtol: 1e-14, ..Settings::default() };
    let classic = Kind::named("hs-cg").expect("it is in the table");
    let outcome = krylov::solve(a, m.as_mut(), &b, None, classic, &settings, |_| ());
    Ok(Spectrum::of(&outcome.history).map(|found| {
        let condition = found.condition();
        Estimate {
            preconditioner: kind.name,
            iterations: outcome.iterations,
            is_indefinite: outcome.reason.exit_code() == ExitCode::NotSpd,
            lambda_min: found.lambda_min,
            lambda_max: found.lambda_max,
            condition,
            // ‖e‖ falls by (√κ − 1)/(√κ + 1) per step or faster.
            solved_at: outcome
                .history
                .iter()
                .find(|at| at.residual <= RTOL * outcome.reference_norm)
                .map(|at| at.iteration),
            foretold_iterations: (0.5 * condition.sqrt() * (2.0 / RTOL).ln()).ceil() as u64,
        }
    }))
}

/// Entries counted in cells, of all ranks. Collective.
pub(super) fn spy(comm: &Comm, problem: &Problem, title: String) -> Spy {
    /// Rows written down at a time, where they come from a formula.
    const PIECE: usize = 1 << 14;
    let n = problem.n();
    let along = Spy::cells(n);
    let mut counts = vec![0; along * along];
    let mut count = |rows: &Rows| {
        for (k, &row) in rows.numbers.iter().enumerate() {
            let start = along * Spy::cell(n, row);
            for &column in rows.row(k).0 {
                counts[start + Spy::cell(n, column)] += 1;
            }
        }
    };
    match problem {
        Problem::Stencil(stencil) => {
            let share = EvenSplit { n, ranks: comm.size() }.share(comm.rank());
            for start in share.clone().step_by(PIECE) {
                count(&stencil.rows(start..share.end.min(start + PIECE as u64)));
            }
        }
        _ => count(&problem.even_share(comm)),
    }
    comm.reduce_u64(Op::Sum, &mut counts);
    Spy { title, n, counts }
}
