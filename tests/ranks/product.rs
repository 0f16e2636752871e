//! The distributed product against sprs' serial one.

use crate::Body;
use crate::support::{
    Random, SerialMatrix, distribute, distribute_with, grid, pick, random_owners, random_spd, try_distribute,
};
use halocg::comm::Comm;
use halocg::distributed::{Ordering, rows_to_owners};
use halocg::krylov::{self, Settings};
use halocg::operator::{DistMatrix, FORMATS, MATRIX_FREE, MatrixOptions, Operator, Schedule};
use halocg::partition::{self, Partition};
use halocg::preconditioner;
use halocg::problem::{Problem, Stencil};
use halocg::vector::Partial;
use std::collections::{BTreeMap, BTreeSet};

pub const BODIES: &[Body] = &[
    ("products equal the serial product for random owners", random_products),
    ("products of small and odd matrices", odd_products),
    ("row sums have the same bits for any owners", same_bits),
    ("every format and schedule gives the same bits", same_bits_in_every_format),
    ("random matrices give the same bits in every format and schedule", same_bits_of_random_matrices),
    ("a grid that is not assembled gives the same bits", same_bits_matrix_free),
];

fn serial_product(matrix: &SerialMatrix, x: &[f64]) -> Vec<f64> {
    let x = sprs::CsVec::new(x.len(), (0..x.len()).collect(), x.to_vec());
    (matrix * &x).to_dense().to_vec()
}

/// One product and a pair, twice each, the pair with a sum in flight.
fn check(comm: &Comm, matrix: &SerialMatrix, owners: &[u32], random: &mut Random) {
    let mut a = distribute(comm, matrix, owners);
    let rows = a.layout().rows().to_vec();
    assert!(rows.iter().all(|&row| owners[row as usize] as usize == comm.rank()), "rows are with their owners");
    for _ in 0..2 {
        let (x, z) = (random.vector(matrix.rows()), random.vector(matrix.rows()));
        let expected = [serial_product(matrix, &x), serial_product(matrix, &z)];
        let (x, z) = (pick(&x, &rows), pick(&z, &rows));
        let close = |got: f64, expected: f64| (got - expected).abs() <= 1e-13 * expected.abs().max(1.0);

        let mut y = vec![f64::NAN; rows.len()];
        a.apply(&x, &mut y);
        assert!(y.iter().zip(pick(&expected[0], &rows)).all(|(y, expected)| close(*y, expected)));

        let pair: Vec<[f64; 2]> = x.iter().zip(&z).map(|(&x, &z)| [x, z]).collect();
        let mut product = vec![[f64::NAN; 2]; rows.len()];
        let mut sums = [1.0, comm.rank() as f64].map(Partial::Plain);
        let mut seen = None;
        a.apply_pair_summing(&pair, &mut product, &mut sums, &mut |y| seen = Some(y.to_vec()));
        let ranks = comm.size() as f64;
        assert_eq!(sums, [ranks, ranks * (ranks - 1.0) / 2.0].map(Partial::Plain));
        assert_eq!(seen.as_ref(), Some(&product), "the work meanwhile sees the complete product");
        for (k, expected) in expected.iter().enumerate() {
            assert!(product.iter().zip(pick(expected, &rows)).all(|(y, expected)| close(y[k], expected)));
        }
    }
}

fn random_products(comm: &Comm) {
    let mut random = Random::new(1);
    for round in 0..25 {
        let n = 1 + random.below(120);
        let per_row = random.below(6);
        let matrix = random_spd(&mut random, n, per_row, round % 5 == 0);
        let owners = random_owners(&mut random, n, comm.size());
        check(comm, &matrix, &owners, &mut random);
    }
}

fn odd_products(comm: &Comm) {
    let mut random = Random::new(2);
    let last = comm.size() as u32 - 1;
    for matrix in [
        grid(1, 1),
        grid(2, 1),
        grid(40, 30),
        random_spd(&mut random, 30, 0, false),
        random_spd(&mut random, 64, 40, true),
    ] {
        let n = matrix.rows();
        // All on one rank, alternating (every row a boundary row), and contiguous.
        check(comm, &matrix, &vec![last; n], &mut random);
        check(comm, &matrix, &(0..n as u32).map(|row| row % (last + 1)).collect::<Vec<_>>(), &mut random);
        check(comm, &matrix, &(0..n).map(|row| (row * comm.size() / n) as u32).collect::<Vec<_>>(), &mut random);
    }
}

fn same_bits(comm: &Comm) {
    let mut random = Random::new(3);
    let n = 200;
    let matrix = random_spd(&mut random, n, 9, true);
    let x = random.vector(n);
    // Entries in global column order, added one after the other.
    let row_sum =
        |row: usize| matrix.outer_view(row).unwrap().iter().fold(0.0, |sum, (column, value)| sum + value * x[column]);
    for _ in 0..4 {
        let owners = random_owners(&mut random, n, comm.size());
        let mut a = distribute(comm, &matrix, &owners);
        let rows = a.layout().rows().to_vec();
        let mut y = vec![0.0; rows.len()];
        a.apply(&pick(&x, &rows), &mut y);
        for (y, &row) in y.iter().zip(&rows) {
            assert_eq!(y.to_bits(), row_sum(row as usize).to_bits());
        }
    }
}

/// Random graphs: scattered, with a dense row, in bands, of one value or of many, owned at random.
fn same_bits_of_random_matrices(comm: &Comm) {
    let mut random = Random::new(21);
    for round in 0..6 {
        let n = 1 + random.below(if round % 3 == 0 { 30 } else { 3000 });
        let (per_row, reach, values) = (random.below(9), 1 + random.below(n), 1 + random.below(400));
        let scattered = random_spd(&mut random, n, per_row, round % 2 == 0);
        let mut triplets = sprs::TriMat::new((n, n));
        for (_, (i, j)) in scattered.iter() {
            // Few values, and columns within `reach` of the row.
            if i == j {
                triplets.add_triplet(i, j, 4.0 * n as f64);
            } else if i.abs_diff(j) <= reach {
                triplets.add_triplet(i, j, -(((i + j) % values) as f64) / values as f64);
            }
        }
        for matrix in [scattered, triplets.to_csr()] {
            let owners = random_owners(&mut random, n, comm.size());
            formats_and_schedules(comm, &matrix, &owners, &mut random);
        }
    }
}

/// Sparse products of one vector and of two, the sweep, and a whole solve.
fn same_bits_in_every_format(comm: &Comm) {
    let mut random = Random::new(11);
    let last = comm.size() as u32 - 1;
    let mut triplets = sprs::TriMat::new((700, 700));
    for i in 0..700 {
        triplets.add_triplet(i, i, 800.0);
        if i > 0 {
            // A dense row.
            triplets.add_triplet(0, i, -1.0);
            triplets.add_triplet(i, 0, -1.0);
        }
    }
    let cases = [
        grid(1, 1),
        grid(2, 1),
        grid(61, 47),
        random_spd(&mut random, 1500, 4, true),
        random_spd(&mut random, 40, 0, false),
        triplets.to_csr(),
    ];
    for matrix in cases {
        let n = matrix.rows();
        let all_halo: Vec<u32> = (0..n as u32).map(|row| row % (last + 1)).collect();
        formats_and_schedules(comm, &matrix, &all_halo, &mut random);
        let contiguous: Vec<u32> = (0..n).map(|row| (row * comm.size() / n) as u32).collect();
        for owners in [contiguous, random_owners(&mut random, n, comm.size()), vec![last; n]] {
            formats_and_schedules(comm, &matrix, &owners, &mut random);
            orderings(comm, &matrix, &owners, &mut random);
        }
    }
}

fn formats_and_schedules(comm: &Comm, matrix: &SerialMatrix, owners: &[u32], random: &mut Random) {
    let n = matrix.rows();
    let (x, z, b) = (random.vector(n), random.vector(n), random.vector(n));
    let mut first: Option<(Vec<u64>, Vec<u64>)> = None;
    for format in FORMATS {
        for schedule in [Schedule::Overlap, Schedule::OneSweep] {
            let options = MatrixOptions { format: Some(format), schedule, ..MatrixOptions::default() };
            let mut a = match try_distribute(comm, matrix, owners, &options) {
                Ok(a) => a,
                Err(refusal) => {
                    let values: BTreeSet<u64> = matrix.data().iter().map(|value| value.to_bits()).collect();
                    assert!(format.name == "dictionary" && values.len() > 256, "{refusal}");
                    continue;
                }
            };
            let rows = a.layout().rows().to_vec();
            assert_eq!(a.format(), format.name);
            let mut y = vec![f64::NAN; rows.len()];
            let mut blocks = vec![f64::NAN; rows.len()];
            a.apply_with(&pick(&x, &rows), &mut y, &mut |rows, y| blocks[rows].copy_from_slice(y));
            assert_eq!(y, blocks, "blocks of the product are shown when they are complete");
            let pairs: Vec<[f64; 2]> = pick(&x, &rows).into_iter().zip(pick(&z, &rows)).map(|(x, z)| [x, z]).collect();
            let mut products = vec![[f64::NAN; 2]; rows.len()];
            if let Some(a) = a.one_sweep() {
                assert!(schedule == Schedule::OneSweep);
                let (mut swept, mut sums) = (pairs.clone(), [1.0, 2.0].map(Partial::Plain));
                a.exchange_summing(&swept, &mut sums);
                assert_eq!(sums, [1.0, 2.0].map(|sum| Partial::Plain(sum * comm.size() as f64)));
                a.sweep(&mut swept, &mut |rows, x, y| {
                    assert_eq!(x, &pairs[rows.clone()], "the block's own x");
                    products[rows].copy_from_slice(y);
                    x.fill([f64::NAN; 2]); // spoils what comes too late
                });
                assert!(swept.iter().flatten().all(|x| x.is_nan()), "every row comes once");
            } else {
                assert!(schedule == Schedule::Overlap);
                a.apply_pair(&pairs, &mut products);
            }
            assert!(products.iter().zip(&y).all(|(pair, y)| pair[0].to_bits() == y.to_bits()));
            let mut solved = Vec::new();
            for (solver, pc) in
                [("pipe-pr-cg", "none"), ("pipe-pr-cg", "jacobi"), ("pipe-pr-cg", "ssor"), ("hs-cg", "none")]
            {
                let mut m = preconditioner::Kind::named(pc).unwrap().build(&a).unwrap();
                let method = krylov::Kind::named(solver).unwrap();
                let b = pick(&b, &rows);
                solved.extend(krylov::solve(&mut a, m.as_mut(), &b, None, method, &Settings::exactly(12), |_| ()).x);
            }
            let bits = (
                products.as_flattened().iter().map(|y| y.to_bits()).collect::<Vec<_>>(),
                solved.iter().map(|x: &f64| x.to_bits()).collect::<Vec<_>>(),
            );
            assert!(*first.get_or_insert_with(|| bits.clone()) == bits, "{}, {schedule:?}, n = {n}", format.name);
        }
    }
}

/// Another order of a rank's rows: the same products bit for bit, at the rows' new places.
fn orderings(comm: &Comm, matrix: &SerialMatrix, owners: &[u32], random: &mut Random) {
    let (x, b) = (random.vector(matrix.rows()), random.vector(matrix.rows()));
    let run = |ordering, schedule| {
        let options = MatrixOptions { ordering, schedule, ..MatrixOptions::default() };
        let mut a = distribute_with(comm, matrix, owners, &options);
        let rows = a.layout().rows().to_vec();
        assert_eq!(a.layout().is_reordered(), ordering == Ordering::Rcm);
        let mut y = vec![f64::NAN; rows.len()];
        a.apply(&pick(&x, &rows), &mut y);
        let mut m = preconditioner::Kind::named("jacobi").unwrap().build(&a).unwrap();
        let method = krylov::Kind::named("pipe-pr-cg").unwrap();
        let solved = krylov::solve(&mut a, m.as_mut(), &pick(&b, &rows), None, method, &Settings::exactly(5), |_| ()).x;
        let by_row = |values: Vec<f64>| -> BTreeMap<u64, f64> { rows.iter().copied().zip(values).collect() };
        (by_row(y), by_row(solved))
    };
    for schedule in [Schedule::Overlap, Schedule::OneSweep] {
        let (natural, reordered) = (run(Ordering::Natural, schedule), run(Ordering::Rcm, schedule));
        assert!(natural.0.iter().map(bits).eq(reordered.0.iter().map(bits)), "{schedule:?}");
        let largest = natural.1.values().fold(0.0_f64, |most, x| most.max(x.abs()));
        for (a, b) in natural.1.values().zip(reordered.1.values()) {
            assert!((a - b).abs() <= 1e-9 * largest, "{schedule:?}: {a} and {b}");
        }
    }
}

fn bits((&row, value): (&u64, &f64)) -> (u64, u64) {
    (row, value.to_bits())
}

fn same_bits_matrix_free(comm: &Comm) {
    let mut random = Random::new(12);
    for (points, dim, size) in [([40, 23, 1], 2, 5), ([9, 30, 1], 2, 9), ([13, 11, 9], 3, 7), ([8, 7, 12], 3, 27)] {
        let plain = Stencil::new(points, dim, size).unwrap();
        let grid = plain.with_coefficients([0.5, 1.0, 3.0]).unwrap_or(plain);
        let problem = Problem::Stencil(grid);
        let x = random.vector(grid.n() as usize);
        for partition in [Partition::Boxes, Partition::Metis] {
            let owners = partition::assign(comm, &problem, &partition).unwrap();
            let rows = rows_to_owners(comm, &problem, &owners);
            for schedule in [Schedule::Overlap, Schedule::OneSweep] {
                let assembled = MatrixOptions { format: FORMATS.first(), schedule, ..MatrixOptions::default() };
                let mut a = DistMatrix::with_options(comm, grid.n(), rows.clone(), &owners, &assembled)
                    .expect("the format suits");
                let mut b = DistMatrix::matrix_free(comm, &grid, &owners, schedule);
                assert_eq!(b.format(), MATRIX_FREE);
                assert_eq!(a.layout().rows(), b.layout().rows());
                assert_eq!((a.plan(), a.stored_entries()), (b.plan(), b.stored_entries()));
                assert_eq!((a.diagonal(), a.norm_infinity()), (b.diagonal(), b.norm_infinity()));
                let own = pick(&x, a.layout().rows());
                let solved = [&mut a, &mut b].map(|a| {
                    let mut m = preconditioner::Kind::named("jacobi").unwrap().build(a).unwrap();
                    let method = krylov::Kind::named("pipe-pr-cg").unwrap();
                    krylov::solve(a, m.as_mut(), &own, None, method, &Settings::exactly(12), |_| ()).x
                });
                assert_eq!(solved[0], solved[1], "{size} points, {partition:?}, {schedule:?}");
            }
        }
    }
}
