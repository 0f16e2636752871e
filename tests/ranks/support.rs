//! Matrices to test with, and slow, obvious ways to work with them.

use halocg::comm::Comm;
use halocg::distributed::rows_to_owners;
use halocg::error::Result;
use halocg::operator::{DistMatrix, MatrixOptions};
use halocg::partition::Owners;
use halocg::problem::{EvenSplit, Problem, Rows};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use sprs::{CsMat, TriMat};
use std::path::Path;

/// A matrix with its rows in the order of columns.
pub type SerialMatrix = CsMat<f64>;

/// So many, or a few of them where everything takes a thousand times as long.
pub fn few(many: usize) -> usize {
    if cfg!(miri) { many.div_ceil(20) } else { many }
}

/// Random numbers that are the same on every rank.
pub struct Random(ChaCha8Rng);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(ChaCha8Rng::seed_from_u64(seed))
    }

    /// 0 ... bound - 1
    pub fn below(&mut self, bound: usize) -> usize {
        (self.0.next_u64() % bound as u64) as usize
    }

    /// In [-1, 1).
    pub fn real(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }

    pub fn vector(&mut self, n: usize) -> Vec<f64> {
        (0..n).map(|_| self.real()).collect()
    }
}

/// A random symmetric matrix with about `per_row` entries beside the diagonal of each row, made
/// positive definite by its diagonal. One row is dense when `hub` is set.
pub fn random_spd(random: &mut Random, n: usize, per_row: usize, hub: bool) -> SerialMatrix {
    let mut pairs = std::collections::BTreeMap::new();
    for i in 0..n {
        for _ in 0..per_row {
            let j = random.below(n);
            if i != j {
                pairs.insert((i.max(j), i.min(j)), random.real());
            }
        }
        if hub && i > 0 {
            pairs.insert((i, 0), random.real());
        }
    }
    let mut diagonal = vec![0.1; n];
    let mut triplets = TriMat::new((n, n));
    for (&(i, j), &value) in &pairs {
        triplets.add_triplet(i, j, value);
        triplets.add_triplet(j, i, value);
        diagonal[i] += value.abs();
        diagonal[j] += value.abs();
    }
    for (i, &value) in diagonal.iter().enumerate() {
        triplets.add_triplet(i, i, value);
    }
    triplets.to_csr()
}

/// Owners at random, over all ranks or leaving the last ones without rows.
pub fn random_owners(random: &mut Random, n: usize, ranks: usize) -> Vec<u32> {
    let used = 1 + random.below(ranks);
    (0..n).map(|_| random.below(used) as u32).collect()
}

/// `matrix`, known to every rank, distributed as `owners` says.
pub fn distribute(comm: &Comm, matrix: &SerialMatrix, owners: &[u32]) -> DistMatrix {
    distribute_with(comm, matrix, owners, &MatrixOptions::default())
}

/// The same, told how it is kept and swept.
pub fn distribute_with(comm: &Comm, matrix: &SerialMatrix, owners: &[u32], options: &MatrixOptions) -> DistMatrix {
    try_distribute(comm, matrix, owners, options).expect("the format suits")
}

/// The same, if the format can hold the matrix.
pub fn try_distribute(
    comm: &Comm,
    matrix: &SerialMatrix,
    owners: &[u32],
    options: &MatrixOptions,
) -> Result<DistMatrix> {
    let n = matrix.rows() as u64;
    let split = EvenSplit { n, ranks: comm.size() };
    let share = split.share(comm.rank());
    let owners = Owners::Listed(split, owners[share.start as usize..share.end as usize].to_vec());
    let problem = deal(comm, matrix);
    DistMatrix::with_options(comm, n, rows_to_owners(comm, &problem, &owners), &owners, options)
}

/// This rank's even share of a matrix that every rank knows.
pub fn deal(comm: &Comm, matrix: &SerialMatrix) -> Problem {
    let n = matrix.rows() as u64;
    let mut rows = Rows::new();
    for row in (EvenSplit { n, ranks: comm.size() }).share(comm.rank()) {
        let of_row = matrix.outer_view(row as usize).expect("a row of the matrix");
        rows.push(row, of_row.iter().map(|(column, value)| (column as u64, *value)));
    }
    Problem::Matrix(n, rows)
}

/// Reads a well-formed coordinate file, both triangles, in the plainest way: what the reader of the library must find.
pub fn read_matrix(path: &Path) -> SerialMatrix {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let symmetric = text.lines().next().is_some_and(|line| line.to_lowercase().contains("symmetric"));
    let mut lines = text.lines().filter(|line| !line.starts_with('%') && !line.trim().is_empty());
    let n = lines.next().and_then(|line| line.split_whitespace().next()?.parse().ok()).expect("a size line");
    let mut triplets = TriMat::new((n, n));
    for line in lines {
        let words: Vec<&str> = line.split_whitespace().collect();
        let index = |k: usize| words[k].parse::<usize>().expect("an index") - 1;
        let (i, j, value) = (index(0), index(1), words.get(2).map_or(1.0, |word| word.parse().expect("a value")));
        if value != 0.0 || i == j {
            triplets.add_triplet(i, j, value);
            if symmetric && i != j {
                triplets.add_triplet(j, i, value);
            }
        }
    }
    triplets.to_csr()
}

/// The entries of `whole` that belong to `rows`.
pub fn pick(whole: &[f64], rows: &[u64]) -> Vec<f64> {
    rows.iter().map(|&row| whole[row as usize]).collect()
}

/// The solution of A x = b by dense Cholesky.
pub fn direct_solution(matrix: &SerialMatrix, b: &[f64]) -> Vec<f64> {
    let n = matrix.rows();
    let mut l = vec![vec![0.0; n]; n];
    for i in 0..n {
        for j in 0..=i {
            let dot: f64 = (0..j).map(|k| l[i][k] * l[j][k]).sum();
            let rest = matrix.get(i, j).copied().unwrap_or(0.0) - dot;
            l[i][j] = if i == j { rest.sqrt() } else { rest / l[j][j] };
        }
    }
    let mut x = b.to_vec();
    for i in 0..n {
        let dot: f64 = (0..i).map(|k| l[i][k] * x[k]).sum();
        x[i] = (x[i] - dot) / l[i][i];
    }
    for i in (0..n).rev() {
        let dot: f64 = (i + 1..n).map(|k| l[k][i] * x[k]).sum();
        x[i] = (x[i] - dot) / l[i][i];
    }
    x
}

/// 5-point Laplacian on a `width` x `height` grid.
pub fn grid(width: u64, height: u64) -> SerialMatrix {
    let stencil = halocg::problem::Stencil::new([width, height, 1], 2, 5).expect("a grid");
    let n = stencil.n() as usize;
    let mut triplets = TriMat::new((n, n));
    for row in 0..stencil.n() {
        for (column, value) in stencil.entries(row) {
            triplets.add_triplet(row as usize, column as usize, value);
        }
    }
    triplets.to_csr()
}
