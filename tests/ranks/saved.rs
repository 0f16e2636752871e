//! A solve that is saved between two iterations goes on from there with the same bits.

use crate::Body;
use crate::support::{Random, distribute_with, grid, random_owners};
use halocg::comm::Comm;
use halocg::distributed::Layout;
use halocg::krylov::{self, Begin, Outcome, Reason, Replacement, Saved, Settings, Snapshot, StopOn, Turn, Watch};
use halocg::operator::{DistMatrix, MatrixOptions, Operator, Schedule};
use halocg::preconditioner::{self, Preconditioner};

pub const BODIES: &[Body] = &[
    ("a saved solve goes on with the same bits", same_bits),
    ("a state of another method is refused", misfits),
    ("a word rides in every sum", riders),
    ("all ranks end at the same iterate", ends_together),
];

/// Saves once, or ends.
#[derive(Default)]
struct Saving {
    at: Option<u64>,
    saved: Option<Saved>,
}

impl Watch for Saving {
    fn observe(&mut self, _: Snapshot) {}

    fn turn(&mut self, iteration: u64, _: &Settings) -> Turn {
        Turn { save: Some(iteration) == self.at, end: None }
    }

    fn save(&mut self, _: &Layout, saved: Saved) {
        self.saved = Some(saved);
    }
}

fn solve(
    a: &mut DistMatrix,
    m: &mut dyn Preconditioner,
    begin: Begin,
    method: &krylov::Kind,
    settings: &Settings,
    watch: &mut dyn Watch,
) -> Option<Outcome> {
    let b = vec![1.0; a.layout().len()];
    krylov::solve_watched(a, m, &b, begin, method, settings, watch)
}

/// Everything but the times.
fn bits(outcome: &Outcome) -> Vec<u64> {
    let numbers = |record: &krylov::Record| {
        [record.residual, record.nu, record.alpha, record.beta, record.nu_gap].map(f64::to_bits)
    };
    let mut bits: Vec<u64> = outcome.history.iter().flat_map(numbers).collect();
    bits.extend([outcome.iterations, outcome.replacements, outcome.true_residual.to_bits()]);
    bits.extend(outcome.x.iter().map(|x| x.to_bits()));
    bits
}

fn same_bits(comm: &Comm) {
    let matrix = grid(23, 17);
    let owners = random_owners(&mut Random::new(5), matrix.rows(), comm.size());
    for schedule in [Schedule::Overlap, Schedule::OneSweep] {
        let mut a = distribute_with(comm, &matrix, &owners, &MatrixOptions { schedule, ..MatrixOptions::default() });
        for pc in preconditioner::TABLE {
            for method in krylov::TABLE.iter().filter(|method| method.sweeps || schedule == Schedule::Overlap) {
                // Replacements on schedule, a stall, and bounds of the error are parts of the state too.
                for settings in [
                    Settings { rtol: 1e-9, ..Settings::default() },
                    Settings { replacement: Replacement::Every(7), max_iterations: 25, ..Settings::default() },
                    Settings { rtol: 1e-16, max_iterations: 130, ..Settings::default() },
                    Settings { rtol: 1e-30, max_iterations: 200, ..Settings::default() },
                    Settings { stop_on: StopOn::ErrorA, rtol: 1e-6, lambda_min: Some(1e-3), ..Settings::default() },
                ] {
                    let mut m = pc.build(&a).unwrap();
                    let mut watch = Saving { at: Some(11), saved: None };
                    let whole = solve(&mut a, m.as_mut(), Begin::At(None), method, &settings, &mut watch).unwrap();
                    let name = format!("{} {} {schedule:?} {settings:?}", method.name, pc.name);
                    let last = whole.iterations - 1;
                    for at in [Some(11), Some(last)].into_iter().filter(|at| at.unwrap() <= last) {
                        let mut watch = Saving { at, saved: None };
                        let again = solve(&mut a, m.as_mut(), Begin::At(None), method, &settings, &mut watch).unwrap();
                        assert!(bits(&again) == bits(&whole), "{name}: saving changes nothing");
                        let saved = watch.saved.expect("saved once");
                        assert_eq!((saved.iteration, saved.history.len() as u64), (at.unwrap(), at.unwrap()));
                        let mut m = pc.build(&a).unwrap();
                        let (begin, mut watch) = (Begin::From(saved), Saving::default());
                        let resumed = solve(&mut a, m.as_mut(), begin, method, &settings, &mut watch).unwrap();
                        assert!(bits(&resumed) == bits(&whole), "{name} saved at {at:?}");
                    }
                }
            }
        }
    }
}

fn misfits(comm: &Comm) {
    let matrix = grid(9, 8);
    let owners = random_owners(&mut Random::new(6), matrix.rows(), comm.size());
    let mut a = distribute_with(comm, &matrix, &owners, &MatrixOptions::default());
    let mut m = preconditioner::Kind::named("none").unwrap().build(&a).unwrap();
    let settings = Settings::default();
    let mut saved = |name: &str| {
        let method = krylov::Kind::named(name).unwrap();
        let mut watch = Saving { at: Some(3), saved: None };
        solve(&mut a, m.as_mut(), Begin::At(None), method, &settings, &mut watch);
        watch.saved.unwrap()
    };
    let (hs, gv) = (saved("hs-cg"), saved("gv-cg"));
    let method = krylov::Kind::named("hs-cg").unwrap();
    let mut short = hs.clone();
    short.scalars.pop();
    let mut without_records = hs.clone();
    without_records.history.clear();
    let (begin, mut watch) = (Begin::Anew(without_records.clone()), Saving::default());
    assert!(solve(&mut a, m.as_mut(), begin, method, &settings, &mut watch).is_none());
    for (wrong, fits) in [(gv, false), (short, false), (without_records, false), (hs, true)] {
        let outcome = solve(&mut a, m.as_mut(), Begin::From(wrong), method, &settings, &mut Saving::default());
        assert_eq!(outcome.is_some(), fits);
    }
}

fn riders(comm: &Comm) {
    let ranks = comm.size() as f64;
    for word in [1.0, 3.0, 0.0] {
        comm.ride(word * (1.0 + comm.rank() as f64));
        let mut sums = [2.0, 0.5];
        comm.sum(&mut sums);
        assert_eq!((sums, comm.heard()), ([2.0 * ranks, 0.5 * ranks], word * ranks * (ranks + 1.0) / 2.0));
    }
}

/// One rank wishes for an end.
struct Wishing {
    comm: Comm,
    seen: u64,
}

impl Watch for Wishing {
    fn observe(&mut self, snapshot: Snapshot) {
        self.seen = snapshot.iteration;
        self.comm.ride(f64::from(u8::from(self.comm.rank() + 1 == self.comm.size() && snapshot.iteration >= 6)));
    }

    fn turn(&mut self, _: u64, _: &Settings) -> Turn {
        Turn { save: false, end: (self.comm.heard() > 0.0).then_some(Reason::Interrupted) }
    }
}

fn ends_together(comm: &Comm) {
    let matrix = grid(23, 17);
    let owners = random_owners(&mut Random::new(7), matrix.rows(), comm.size());
    let mut a = distribute_with(comm, &matrix, &owners, &MatrixOptions::default());
    for method in krylov::TABLE {
        let mut m = preconditioner::Kind::named("jacobi").unwrap().build(&a).unwrap();
        let mut watch = Wishing { comm: comm.clone(), seen: 0 };
        let outcome = solve(&mut a, m.as_mut(), Begin::At(None), method, &Settings::default(), &mut watch).unwrap();
        comm.ride(0.0);
        assert_eq!(outcome.reason, Reason::Interrupted, "{}", method.name);
        let mut iterations = [outcome.iterations as f64];
        comm.sum(&mut iterations);
        assert_eq!(iterations[0], (outcome.iterations * comm.size() as u64) as f64);
        // Wished after iterate 6 was seen: heard by the next sum, which may be that of the same iteration.
        assert!(outcome.iterations == watch.seen && (7..=8).contains(&outcome.iterations), "{}", method.name);
    }
}
