//! Corrupted vectors: sound solves raise no alarm, and looking for signs of them changes no bit.

use crate::Body;
use crate::support::{Random, SerialMatrix, distribute_with, grid, pick, random_owners, random_spd};
use halocg::comm::Comm;
use halocg::krylov::{self, Outcome, Replacement, Settings};
use halocg::operator::{MatrixOptions, Operator, Schedule};
use halocg::preconditioner;
use sprs::TriMat;

pub const BODIES: &[Body] = &[("sound solves raise no alarm, and the check changes no bit", sound)];

/// A grid whose rows are scaled over six orders of magnitude.
fn scaled(width: u64) -> SerialMatrix {
    let matrix = grid(width, width);
    let scale = |row: usize| 10f64.powf(6.0 * ((7 * row) % 11) as f64 / 11.0);
    let mut triplets = TriMat::new((matrix.rows(), matrix.rows()));
    for (&value, (i, j)) in matrix.iter() {
        triplets.add_triplet(i, j, value * scale(i) * scale(j));
    }
    triplets.to_csr()
}

fn bits(outcome: &Outcome) -> Vec<u64> {
    let of = |record: &krylov::Record| [record.residual, record.alpha, record.beta, record.nu_gap].map(f64::to_bits);
    let mut bits: Vec<u64> = outcome.history.iter().flat_map(of).collect();
    bits.extend(outcome.x.iter().map(|x| x.to_bits()));
    bits.extend([outcome.iterations, outcome.replacements]);
    bits
}

fn sound(comm: &Comm) {
    let mut random = Random::new(31);
    let matrices = [grid(14, 11), scaled(7), random_spd(&mut random, 40, 3, true), grid(1, 1)];
    for matrix in &matrices {
        let n = matrix.rows();
        let (owners, b) = (random_owners(&mut random, n, comm.size()), random.vector(n));
        for schedule in [Schedule::Overlap, Schedule::OneSweep] {
            let mut a = distribute_with(comm, matrix, &owners, &MatrixOptions { schedule, ..MatrixOptions::default() });
            let rows = a.layout().rows().to_vec();
            // The second is what a smooth right-hand side is to a grid: for a while only few eigenvectors matter.
            let rough = pick(&b, &rows);
            let smooth: Vec<f64> = rows.iter().map(|&row| (0.01 * row as f64).sin() + 1.5).collect();
            for pc in preconditioner::TABLE {
                for method in krylov::TABLE.iter().filter(|method| method.sweeps || schedule == Schedule::Overlap) {
                    for (rtol, b, replacement) in [
                        (1e-8, &rough, Replacement::WhenNeeded),
                        // The last is more than double precision gives.
                        (1e-16, &rough, Replacement::WhenNeeded),
                        (1e-10, &smooth, Replacement::Every(7)),
                    ] {
                        let mut solve = |check_health| {
                            let mut m = pc.build(&a).expect("it can be built");
                            let settings = Settings {
                                rtol,
                                replacement,
                                check_health,
                                max_iterations: 120,
                                ..Settings::default()
                            };
                            krylov::solve(&mut a, m.as_mut(), b, None, method, &settings, |_| ())
                        };
                        let (with, without) = (solve(true), solve(false));
                        let name = format!("{} {} {schedule:?} n = {n}, {rtol:e}", method.name, pc.name);
                        assert_eq!(with.corruptions, 0, "{name}: a false alarm");
                        assert!(bits(&with) == bits(&without), "{name}");
                    }
                }
            }
        }
    }
}
