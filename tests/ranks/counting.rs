//! What an iteration costs, counted: sums, words, messages, passes over A.

use crate::Body;
use crate::support::{Random, distribute_with, grid, random_owners};
use halocg::comm::{Comm, Counts};
use halocg::krylov::{self, Outcome, Preconditioning, Settings};
use halocg::operator::{MatrixOptions, Operator, Schedule};
use halocg::preconditioner;

pub const BODIES: &[Body] = &[
    ("an iteration of each method costs what its paper says", iterations),
    ("a whole solve starts k + c sums", whole_solves),
];

/// Whether PIPE-PR-CG can sweep with this preconditioner.
fn is_diagonal(pc: &str) -> bool {
    ["none", "jacobi"].contains(&pc)
}

const SCHEDULES: [Schedule; 2] = [Schedule::Overlap, Schedule::OneSweep];

/// Solves on a grid with scattered owners; the counts at each iterate, and the messages of one exchange.
fn solve(
    comm: &Comm,
    method: &str,
    pc: &str,
    settings: &Settings,
    schedule: Schedule,
) -> (Outcome, Vec<Counts>, Counts, u64) {
    let matrix = grid(24, 20);
    let owners = random_owners(&mut Random::new(8), matrix.rows(), comm.size());
    let mut a = distribute_with(comm, &matrix, &owners, &MatrixOptions { schedule, ..MatrixOptions::default() });
    let mut m = preconditioner::Kind::named(pc).unwrap().build(&a).unwrap();
    let b = vec![1.0; a.layout().len()];
    let kind = krylov::Kind::named(method).unwrap();
    let messages = a.plan().send.len() as u64;
    let begin = comm.profile().counts();
    let mut counts = Vec::new();
    let outcome = krylov::solve(&mut a, m.as_mut(), &b, None, kind, settings, |_| counts.push(comm.profile().counts()));
    (outcome, counts, comm.profile().counts().since(&begin), messages)
}

fn iterations(comm: &Comm) {
    for &krylov::Kind { name: method, ref cost, .. } in krylov::TABLE {
        let (sums, products) = (u64::from(cost.sums), u64::from(cost.products));
        let blocking = if cost.hides { 0 } else { sums };
        let pcs = preconditioner::TABLE.iter().map(|kind| kind.name);
        for (pc, schedule) in pcs.flat_map(|pc| SCHEDULES.map(|schedule| (pc, schedule))) {
            let (_, counts, _, messages) = solve(comm, method, pc, &Settings::default(), schedule);
            assert!(counts.len() > 10, "{method} {pc}");
            // gv-cg-rr replaces its residual later on, and pays for it.
            let window = if method == "gv-cg-rr" { 8 } else { counts.len() };
            for pair in counts[..window].windows(2) {
                let spent = pair[1].since(&pair[0]);
                let preconditioning = pc != "none";
                let with = match pc {
                    "none" => Preconditioning::None,
                    pc if is_diagonal(pc) => Preconditioning::Diagonal,
                    _ => Preconditioning::General,
                };
                assert_eq!(spent.sums, sums, "{method} {pc}: sums");
                assert_eq!(spent.blocking_sums, blocking, "{method} {pc}: sums waited for at once");
                assert_eq!(spent.sum_words, u64::from(cost.sum_words(with)), "{method} {pc}: words");
                assert_eq!((spent.passes, spent.products), (1, products), "{method} {pc}: products");
                let is_swept = schedule == Schedule::OneSweep && method.starts_with("pipe-pr") && is_diagonal(pc);
                let overlapped = u64::from(cost.hides && !is_swept);
                assert_eq!(
                    spent.overlapped_passes, overlapped,
                    "{method} {pc} {schedule:?}: passes while a sum is in flight"
                );
                assert_eq!(spent.preconditioned, if preconditioning { products } else { 0 }, "{method} {pc}: M");
                assert_eq!(spent.messages, messages, "{method} {pc}: one message per neighbour");
                assert_eq!(spent.setup_collectives, 0, "{method} {pc}: no other collective");
            }
        }
    }
}

fn whole_solves(comm: &Comm) {
    for &krylov::Kind { name: method, ref cost, .. } in krylov::TABLE {
        let per_iteration = u64::from(cost.sums);
        for limit in [5, 17] {
            let settings = Settings { max_iterations: limit, ..Settings::default() };
            let (outcome, _, spent, _) = solve(comm, method, "none", &settings, Schedule::Overlap);
            assert_eq!(outcome.iterations, limit);
            // ‖b‖, the scalars of the last iterate, the final true residual.
            assert_eq!(spent.sums, per_iteration * limit + 3, "{method}, {limit} iterations");
        }
    }
}
