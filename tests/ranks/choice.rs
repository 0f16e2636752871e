//! `--solver auto`: all ranks take the same method, whatever each of them has measured.

use crate::Body;
use crate::support::{Random, distribute_with, grid, random_owners};
use halocg::comm::{Comm, Op};
use halocg::krylov::{Preconditioning, TABLE};
use halocg::operator::{MatrixOptions, Schedule};
use halocg::performance::{Cut, Parts, choose, measure_parts, preconditioning};
use halocg::preconditioner;

pub const BODIES: &[Body] = &[
    ("ranks choose the same method by what they measured", measured),
    ("the slowest rank decides which method is chosen", injected),
];

/// The place of the chosen method in the table, which must be the same everywhere.
fn chosen(comm: &Comm, parts: &Parts, m: Preconditioning, cut: Cut) -> &'static str {
    let name = choose(parts, m, cut).kind.name;
    let place = TABLE.iter().position(|kind| kind.name == name).expect("a method of the table") as u64;
    assert_eq!([Op::Min, Op::Max].map(|op| comm.reduced(op, place)), [place; 2], "{name} on rank {}", comm.rank());
    name
}

fn measured(comm: &Comm) {
    let matrix = grid(30, 20);
    // Some ranks may have no rows at all.
    let owners = random_owners(&mut Random::new(23), matrix.rows(), comm.size());
    for schedule in [Schedule::Overlap, Schedule::OneSweep] {
        let mut a = distribute_with(comm, &matrix, &owners, &MatrixOptions { schedule, ..MatrixOptions::default() });
        for (pc, with) in [
            ("none", Preconditioning::None),
            ("jacobi", Preconditioning::Diagonal),
            ("chebyshev", Preconditioning::General),
        ] {
            let mut m = preconditioner::Kind::named(pc).unwrap().build(&a).unwrap();
            assert_eq!(preconditioning(m.as_ref()), with);
            let parts = measure_parts(&mut a, m.as_mut());
            assert!(parts.product[0] > 0.0 && parts.product[1] > 0.0);
            assert_eq!(parts.sum > 0.0, comm.size() > 1);
            assert_eq!(parts.preconditioner[1] > 0.0, with == Preconditioning::General);
            for cut in [Cut::Passes, Cut::OneSweep] {
                chosen(comm, &parts, with, cut);
            }
        }
    }
}

fn injected(comm: &Comm) {
    let quick = Parts { product: [1e-5, 1.2e-5], sweep: 2e-5, vector: 5e-7, ..Parts::default() };
    for m in [Preconditioning::None, Preconditioning::Diagonal, Preconditioning::General] {
        assert_eq!(chosen(comm, &quick.agreed(comm), m, Cut::Passes), "hs-cg");
        // One rank has sums that take as long as its products, the others hardly notice.
        let sum = if comm.rank() == comm.size() - 1 { 1.5e-5 } else { 1e-9 };
        let parts = Parts { sum, hidden_sum: sum, ..quick }.agreed(comm);
        assert_eq!(chosen(comm, &parts, m, Cut::Passes), "pipe-pr-cg");
        assert_eq!(parts.agreed(comm), parts, "agreed already");
    }
}
