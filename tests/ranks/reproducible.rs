//! Reproducible solves: every bit of the history and of x, whoever owns which row and however it is kept.

use crate::Body;
use crate::support::{Random, SerialMatrix, distribute_with, grid, pick, random_owners, random_spd, try_distribute};
use halocg::comm::Comm;
use halocg::distributed::Ordering;
use halocg::krylov::{self, Outcome, Replacement, Settings};
use halocg::operator::{DistMatrix, FORMATS, MatrixOptions, Operator, Schedule};
use halocg::partition::{self, Partition};
use halocg::preconditioner;
use halocg::problem::{Problem, Stencil};
use halocg::vector::Partial;

pub const BODIES: &[Body] = &[
    ("reproducible solves have the same bits on any ranks", any_ranks),
    ("reproducible solves of grids have the same bits, assembled or not", grids),
    ("reproducible solves of huge and of tiny numbers", wild_scales),
    ("reproducible norms and inner products", dots),
    ("reproducible solves cost the same sums", costs),
];

/// History and x, in original order on rank 0, as bits.
type Bits = (Vec<[u64; 6]>, Vec<u64>);

fn bits(a: &DistMatrix, outcome: &Outcome) -> Bits {
    let numbers = |record: &krylov::Record| {
        let krylov::Record { iteration, residual, nu, alpha, beta, nu_gap, .. } = *record;
        // There is more than one NaN.
        let bits = |number: f64| if number.is_nan() { u64::MAX } else { number.to_bits() };
        [iteration, bits(residual), bits(nu), bits(alpha), bits(beta), bits(nu_gap)]
    };
    let end = [outcome.iterations, outcome.true_residual.to_bits(), outcome.reference_norm.to_bits(), 0, 0, 0];
    let x = a.layout().to_root(&outcome.x);
    (outcome.history.iter().map(numbers).chain([end]).collect(), x.into_iter().map(f64::to_bits).collect())
}

fn solve(a: &mut DistMatrix, b: &[f64], method: &krylov::Kind, pc: &preconditioner::Kind, settings: &Settings) -> Bits {
    let mut m = pc.build(a).expect("the preconditioner can be built");
    let outcome = krylov::solve(a, m.as_mut(), b, None, method, settings, |_| ());
    bits(a, &outcome)
}

/// Of which M is the same on any ranks.
fn preconditioners() -> impl Iterator<Item = &'static preconditioner::Kind> {
    preconditioner::TABLE.iter().filter(|pc| pc.independent_of_partition)
}

/// `matrix` on one rank, and with `owners` in some other way: the same bits. Says how many iterations it took.
fn check(
    comm: &Comm,
    matrix: &SerialMatrix,
    owners: &[u32],
    options: &MatrixOptions,
    b: &[f64],
    (method, pc): (&krylov::Kind, &preconditioner::Kind),
    settings: &Settings,
) -> usize {
    let solve_on = |comm: &Comm, owners: &[u32], options: &MatrixOptions| {
        let comm = comm.reproducible();
        // Not every format can hold every matrix.
        let mut a = try_distribute(&comm, matrix, owners, options)
            .unwrap_or_else(|_| distribute_with(&comm, matrix, owners, &MatrixOptions { format: None, ..*options }));
        let b = pick(b, a.layout().rows());
        solve(&mut a, &b, method, pc, settings)
    };
    let here = solve_on(comm, owners, options);
    let plainest =
        MatrixOptions { format: Some(&FORMATS[0]), ordering: Ordering::Natural, schedule: Schedule::Overlap };
    let alone = solve_on(&Comm::alone(), &vec![0; owners.len()], &plainest);
    assert!(here.0 == alone.0, "history of {} {}, {options:?}", method.name, pc.name);
    assert!(!comm.is_root() || here.1 == alone.1, "x of {} {}, {options:?}", method.name, pc.name);
    alone.0.len() - 2
}

/// Each of the ways to keep and sweep a matrix comes now and then.
fn some_options(random: &mut Random) -> MatrixOptions {
    MatrixOptions {
        format: Some(&FORMATS[random.below(FORMATS.len())]),
        ordering: [Ordering::Natural, Ordering::Rcm][random.below(2)],
        schedule: [Schedule::Overlap, Schedule::OneSweep][random.below(2)],
    }
}

fn any_ranks(comm: &Comm) {
    let mut random = Random::new(41);
    let matrices =
        [random_spd(&mut random, 150, 4, true), grid(23, 19), random_spd(&mut random, 5, 2, false), grid(97, 71)];
    for matrix in matrices {
        let n = matrix.rows();
        let b = random.vector(n);
        for method in krylov::TABLE {
            for pc in preconditioners() {
                // Long enough for the recurrences to drift, and for replacements on schedule.
                let settings = match n {
                    0..1000 => Settings { rtol: 1e-13, replacement: Replacement::Every(17), ..Settings::default() },
                    _ => Settings::exactly(12),
                };
                let owners = match random.below(3) {
                    0 => (0..n).map(|row| (row * comm.size() / n) as u32).collect(),
                    1 => vec![comm.size() as u32 - 1; n],
                    _ => random_owners(&mut random, n, comm.size()),
                };
                let options = some_options(&mut random);
                let iterations = check(comm, &matrix, &owners, &options, &b, (method, pc), &settings);
                assert!(iterations >= 5.min(n), "{} {}: {iterations}", method.name, pc.name);
            }
        }
    }
}

fn grids(comm: &Comm) {
    let comm = &comm.reproducible();
    for (grid, size) in [([14, 11, 9], 7), ([9, 8, 10], 27)] {
        let grid = Stencil::new(grid, 3, size).expect("a grid");
        let problem = Problem::Stencil(grid);
        let mut expected: Vec<Option<Bits>> = Vec::new();
        for partition in [Partition::Boxes, Partition::Metis, Partition::Blocks] {
            let owners = partition::assign(comm, &problem, &partition).expect("a grid has boxes");
            for schedule in [Schedule::Overlap, Schedule::OneSweep] {
                let rows = halocg::distributed::rows_to_owners(comm, &problem, &owners);
                let options = MatrixOptions { schedule, ..MatrixOptions::default() };
                let assembled =
                    DistMatrix::with_options(comm, grid.n(), rows, &owners, &options).expect("some format suits");
                for mut a in [assembled, DistMatrix::matrix_free(comm, &grid, &owners, schedule)] {
                    let b: Vec<f64> = a.layout().rows().iter().map(|&row| grid.manufactured_rhs(row)).collect();
                    for (k, (method, pc)) in
                        [("pipe-pr-cg", "none"), ("pipe-pr-cg", "chebyshev"), ("hs-cg", "jacobi")].iter().enumerate()
                    {
                        let (method, pc) =
                            (krylov::Kind::named(method).unwrap(), preconditioner::Kind::named(pc).unwrap());
                        let bits = solve(&mut a, &b, method, pc, &Settings::default());
                        if expected.len() <= k {
                            expected.push(None);
                        }
                        let expected = expected[k].get_or_insert_with(|| bits.clone());
                        assert!(*expected == bits, "{} {} {partition:?} {schedule:?}", method.name, pc.name);
                    }
                }
            }
        }
    }
}

fn wild_scales(comm: &Comm) {
    let mut random = Random::new(43);
    for (of_matrix, of_b) in [(1e-150, 1e150), (1e150, 1e-150), (1e150, 1e3), (1e-150, 1e-150), (1.0, 1e-160)] {
        let matrix = grid(13, 9).map(|entry| of_matrix * entry);
        let b: Vec<f64> = random.vector(117).into_iter().map(|b| of_b * b).collect();
        for (method, pc) in [("pipe-pr-cg", "none"), ("hs-cg", "jacobi"), ("pr-cg", "jacobi")] {
            let pairing = (krylov::Kind::named(method).unwrap(), preconditioner::Kind::named(pc).unwrap());
            let owners = random_owners(&mut random, 117, comm.size());
            let settings = Settings { atol: 0.0, max_iterations: 60, ..Settings::default() };
            check(comm, &matrix, &owners, &some_options(&mut random), &b, pairing, &settings);
        }
    }
}

/// Of numbers of all magnitudes, with NaN and infinities among them or not.
fn dots(comm: &Comm) {
    let comm = &comm.reproducible();
    let mut random = Random::new(44);
    for round in 0..40 {
        let n = random.below(3000);
        let range = [1, 40, 300][round % 3];
        let mut wild = || {
            let exponent = random.below(2 * range) as i32 - range as i32;
            random.real() * 10f64.powi(exponent)
        };
        let (mut x, y): (Vec<f64>, Vec<f64>) = (0..n).map(|_| (wild(), wild())).unzip();
        if round % 8 == 7 && n > 0 {
            x[n / 2] = [f64::NAN, f64::INFINITY][round / 8 % 2];
        }
        let owners = random_owners(&mut random, n, comm.size());
        let mine: Vec<u64> = (0..n as u64).filter(|&row| owners[row as usize] as usize == comm.rank()).collect();
        let (own_x, own_y) = (pick(&x, &mine), pick(&y, &mine));
        let [xy, xx] = comm.sum_of([comm.dot(&own_x, &own_y), comm.dot(&own_x, &own_x)]);
        let alone = Comm::alone().reproducible();
        let [alone_xy, alone_xx] = alone.sum_of([alone.dot(&x, &y), alone.dot(&x, &x)]);
        assert_eq!([xy.to_bits(), xx.to_bits()], [alone_xy.to_bits(), alone_xx.to_bits()], "{xy} {alone_xy}");
        let plain: f64 = x.iter().zip(&y).map(|(x, y)| x * y).sum();
        let size: f64 = x.iter().zip(&y).map(|(x, y)| (x * y).abs()).sum();
        let close = (xy - plain).abs() <= 1e-13 * size || xy == plain || xy.is_nan() && plain.is_nan();
        assert!(close || !size.is_finite(), "{xy} {plain}");
    }
    // Bits of integers do not get lost on the way, whatever number they would be.
    let mut sums = [comm.dot(&[f64::MAX], &[1.0]), comm.dot(&[-1e-300], &[1.0]), comm.dot(&[], &[])];
    comm.start_sum_of(&sums).finish_of(&mut sums);
    let ranks = comm.size() as f64;
    assert_eq!(sums.map(|sum| sum.value()), [ranks * f64::MAX, ranks * -1e-300, 0.0]);
    assert!(matches!(sums[0], Partial::Binned(_)));
}

/// As many sums per iteration as without, each part in four words.
fn costs(comm: &Comm) {
    let matrix = grid(24, 20);
    let mut random = Random::new(45);
    let owners = random_owners(&mut random, matrix.rows(), comm.size());
    for schedule in [Schedule::Overlap, Schedule::OneSweep] {
        for method in krylov::TABLE {
            let spent = [comm.clone(), comm.reproducible()].map(|comm| {
                let options = MatrixOptions { schedule, ..MatrixOptions::default() };
                let mut a = distribute_with(&comm, &matrix, &owners, &options);
                let b = vec![1.0; a.layout().len()];
                let mut m = preconditioner::Kind::named("jacobi").unwrap().build(&a).unwrap();
                let mut counts = Vec::new();
                krylov::solve(&mut a, m.as_mut(), &b, None, method, &Settings::exactly(9), |_| {
                    counts.push(comm.profile().counts());
                });
                counts[8].since(&counts[4])
            });
            let [plain, reproducible] = spent;
            let per_part = |mut counts: halocg::comm::Counts| {
                counts.sum_words = 0;
                counts
            };
            assert_eq!(per_part(plain), per_part(reproducible), "{} {schedule:?}", method.name);
            assert_eq!(4 * plain.sum_words, reproducible.sum_words, "{} {schedule:?}", method.name);
        }
    }
}
