//! The dense model problem: an operator like any other.

use crate::Body;
use crate::support::{Random, pick};
use halocg::comm::Comm;
use halocg::operator::{DenseColumns, Operator};
use halocg::problem::Spectrum;
use halocg::vector::Partial;

pub const BODIES: &[Body] = &[("dense columns multiply and sum in one reduction", multiply)];

fn multiply(comm: &Comm) {
    let mut random = Random::new(7);
    // Not multiples of the rank count, and fewer rows than ranks.
    for n in [1, 2, 5, 23, 64, 101] {
        let spectrum = Spectrum { n, kappa: 1e3, rho: 0.8 };
        let mut a = DenseColumns::new(comm, &spectrum);
        let rows = a.layout().rows().to_vec();
        let (x, z) = (random.vector(n as usize), random.vector(n as usize));
        let expected = |x: &[f64], row: u64| spectrum.eigenvalue(row) * x[row as usize];
        let close = |got: f64, expected: f64| (got - expected).abs() <= 1e-15;

        let mut y = vec![f64::NAN; rows.len()];
        a.apply(&pick(&x, &rows), &mut y);
        assert!(rows.iter().zip(&y).all(|(&row, &y)| close(y, expected(&x, row))));

        let before = comm.profile().counts();
        let pair: Vec<[f64; 2]> = rows.iter().map(|&row| [x[row as usize], z[row as usize]]).collect();
        let mut product = vec![[f64::NAN; 2]; rows.len()];
        let mut sums = [2.0, comm.rank() as f64, -1.0].map(Partial::Plain);
        a.apply_pair_summing(&pair, &mut product, &mut sums, &mut |_| ());
        let ranks = comm.size() as f64;
        assert_eq!(sums, [2.0 * ranks, ranks * (ranks - 1.0) / 2.0, -ranks].map(Partial::Plain));
        assert!(
            rows.iter().zip(&product).all(|(&row, y)| close(y[0], expected(&x, row)) && close(y[1], expected(&z, row)))
        );
        let spent = comm.profile().counts().since(&before);
        assert_eq!((spent.sums, spent.sum_words, spent.passes, spent.products), (1, 2 * n + 3, 1, 2));
        assert_eq!(a.diagonal().len(), rows.len());
    }
}
