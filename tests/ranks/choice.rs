//! `--solver auto`: all ranks take the same method, whatever each of them has measured.

use crate::Body;
use crate::support::{Random, distribute_with, grid, random_owners};
use halocg::comm::{Comm, Op};
use halocg::krylov::{Preconditioning, TABLE};
use halocg::operator::{MatrixOptions, Schedule};
use halocg::performance::{Cut, Parts, choose, measure_parts, preconditioning};
use halocg::preconditioner::{self, Preconditioner};

pub const BODIES: &[Body] = &[
    ("ranks choose the same method by what they measured", measured),
    ("a slow rank's preconditioner counts for all", slow_rank),
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

/// A preconditioner that one rank takes its time for, more for a pair.
struct Slow(std::time::Duration);

impl Preconditioner for Slow {
    fn apply(&mut self, r: &[f64], z: &mut [f64]) {
        std::thread::sleep(self.0);
        z.copy_from_slice(r);
    }

    fn apply_pair(&mut self, r: &[[f64; 2]], z: &mut [[f64; 2]]) {
        std::thread::sleep(3 * self.0);
        z.copy_from_slice(r);
    }
}

fn slow_rank(comm: &Comm) {
    let matrix = grid(30, 20);
    let owners = random_owners(&mut Random::new(24), matrix.rows(), comm.size());
    let mut a = distribute_with(comm, &matrix, &owners, &MatrixOptions::default());
    let nap = std::time::Duration::from_millis(if comm.rank() + 1 == comm.size() { 3 } else { 0 });
    let parts = measure_parts(&mut a, &mut Slow(nap));
    // Asleep for at least so long, and every rank counts it. What is chosen depends on the sums as well, and with more
    // ranks than cores these take what the scheduler likes; that it is the same everywhere does not.
    assert!(parts.preconditioner[0] >= 3e-3 && parts.preconditioner[1] >= 9e-3, "{parts:?}");
    chosen(comm, &parts, Preconditioning::General, Cut::Passes);
}
