//! The distributed product against sprs' serial one.

use crate::Body;
use crate::support::{Random, distribute, grid, pick, random_owners, random_spd};
use halocg::comm::Comm;
use halocg::operator::Operator;
use halocg::problem::matrix_market::SerialMatrix;

pub const BODIES: &[Body] = &[
    ("products equal the serial product for random owners", random_products),
    ("products of small and odd matrices", odd_products),
    ("row sums have the same bits for any owners", same_bits),
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
        let mut sums = [1.0, comm.rank() as f64];
        let mut seen = None;
        a.apply_pair_summing(&pair, &mut product, &mut sums, &mut |y| seen = Some(y.to_vec()));
        let ranks = comm.size() as f64;
        assert_eq!(sums, [ranks, ranks * (ranks - 1.0) / 2.0]);
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
