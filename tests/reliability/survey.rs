//! Sound solves: how often the scalars, or the true residual at the end, wrongly say that a vector is corrupted.

use crate::campaign;
use crate::common;
use halocg::comm::Comm;
use halocg::distributed::rows_to_owners;
use halocg::krylov::{self, Settings};
use halocg::operator::{DistMatrix, MatrixOptions, Operator, Schedule};
use halocg::partition::{self, Partition};
use halocg::preconditioner;
use halocg::problem::{self, Source, Stencil};
use std::path::{Path, PathBuf};

/// Larger matrices are solved on one rank alone, and even larger ones not at all.
const LARGEST: [(usize, u64); 3] = [(1, 20_000), (3, 5000), (7, 1500)];
const TOLERANCES: [f64; 4] = [1e-8, 1e-13, 1e-16, 0.0];
/// Enough for recurrences to drift and to be replaced.
const MOST_ITERATIONS: u64 = 1500;

/// Solves, and alarms among them.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    solves: u64,
    iterations: u64,
    alarms: u64,
}

fn sources() -> Vec<Source> {
    let mut sources: Vec<Source> = campaign::grids().into_iter().map(|case| case.source).collect();
    sources.extend(
        [[7, 7, 1], [30, 3, 1], [1, 1, 1]].map(|points| Source::Poisson(Stencil::new(points, 2, 5).expect("a grid"))),
    );
    let files = |folder: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
        entries.filter(|path| path.extension().is_some_and(|extension| extension == "mtx")).collect()
    };
    let mut paths = files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("meshes"));
    paths.extend(common::matrices().iter().flat_map(|folder| files(folder)));
    paths.sort();
    sources.into_iter().chain(paths.into_iter().map(Source::File)).collect()
}

/// One problem with every method, preconditioner and schedule. Collective.
fn solve_all(comm: &Comm, source: &Source) -> Count {
    let mut count = Count::default();
    let problem = problem::load(comm, source).expect("a problem");
    let owners = partition::assign(comm, &problem, &Partition::Metis).expect("a partition");
    for schedule in [Schedule::Overlap, Schedule::OneSweep] {
        let options = MatrixOptions { schedule, ..MatrixOptions::default() };
        let rows = rows_to_owners(comm, &problem, &owners);
        let mut a = DistMatrix::with_options(comm, problem.n(), rows, &owners, &options).expect("any format suits");
        // Rough, and smooth as long as the rows are in some order.
        let rows = a.layout().rows().to_vec();
        let rough = rows.iter().map(|&row| ((row * row + 7 * row) % 1009) as f64 - 504.0).collect::<Vec<_>>();
        let smooth = rows.iter().map(|&row| 1.5 + (0.01 * row as f64).sin()).collect::<Vec<_>>();
        for pc in preconditioner::TABLE {
            let Ok(mut m) = pc.build(&a) else { continue };
            for method in krylov::TABLE.iter().filter(|method| method.sweeps || schedule == Schedule::Overlap) {
                for (k, rtol) in TOLERANCES.into_iter().enumerate() {
                    let b = if k % 2 == 0 { &rough } else { &smooth };
                    let settings = Settings { rtol, max_iterations: MOST_ITERATIONS, ..Settings::default() };
                    let outcome = krylov::solve(&mut a, m.as_mut(), b, None, method, &settings, |_| ());
                    count.solves += 1;
                    count.iterations += outcome.iterations;
                    count.alarms += outcome.corruptions;
                    if outcome.corruptions > 0 && comm.is_root() {
                        println!("false alarm: {source:?} {} {} {schedule:?} {rtol:e}", method.name, pc.name);
                    }
                }
            }
        }
    }
    count
}

/// A sentence for docs/reliability.md.
///
/// # Panics
/// When there was an alarm.
pub fn record() -> String {
    let mut total = Count::default();
    let sources = sources();
    for source in &sources {
        let n = problem::load(&Comm::alone(), source).expect("a problem").n();
        for (ranks, largest) in LARGEST {
            if n <= largest {
                let count = Comm::threads(ranks, |comm| solve_all(comm, source))[0];
                eprintln!("{source:?} on {ranks} ranks: {count:?}");
                total.solves += count.solves;
                total.iterations += count.iterations;
                total.alarms += count.alarms;
            }
        }
    }
    let Count { solves, iterations, alarms } = total;
    assert_eq!(alarms, 0, "false alarms in {solves} solves");
    format!(
        "{} matrices, every method, preconditioner and schedule, to 1e-8, 1e-13, 1e-16 and 0, on 1, 3 and 7 ranks as far as their\n\
         size allows: {solves} solves of {iterations} iterations in all, {alarms} alarms.\n",
        sources.len()
    )
}
