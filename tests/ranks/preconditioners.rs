//! Preconditioners as operators: symmetric, positive, the same for one vector and for two; each
//! against its definition.

use crate::Body;
use crate::support::{
    Random, SerialMatrix, direct_solution, distribute, distribute_with, grid, pick, random_owners, random_spd,
};
use halocg::comm::Comm;
use halocg::error::{ExitCode, Result};
use halocg::krylov::{self, Reason, Settings};
use halocg::operator::{DenseColumns, DistMatrix, MatrixOptions, Operator, Schedule};
use halocg::preconditioner::{self, Options, Preconditioner, SUB_TABLE, SubKind};
use halocg::problem::Spectrum;
use sprs::TriMat;

pub const BODIES: &[Body] = &[
    ("preconditioners are symmetric and positive definite", symmetric_and_positive),
    ("preconditioners take two vectors as they take one", pairs),
    ("a rank's own block is that of the matrix", own_blocks),
    ("ssor and ic0 are what their formulas say", formulas),
    ("block Jacobi with exact blocks is exact", exact),
    ("chebyshev does not depend on the partition", chebyshev_partition),
    ("chebyshev is the polynomial of its definition", chebyshev_polynomial),
    ("ic0 shifts a matrix on which it breaks down, and says so", ic0_breakdown),
    ("preconditioners that cannot be built say so on every rank", refusals),
    ("preconditioners of the dense model problem", dense),
    ("a preconditioner that is not positive definite is found out", indefinite),
];

/// Every preconditioner of the table, with every block solver and several degrees, and what to call it.
fn for_each(mut body: impl FnMut(&'static preconditioner::Kind, &Options, &str)) {
    for kind in preconditioner::TABLE {
        match kind.name {
            "bjacobi" => SUB_TABLE.iter().for_each(|sub_pc| {
                body(kind, &Options { sub_pc, ..Options::default() }, &format!("bjacobi {}", sub_pc.name));
            }),
            "chebyshev" => [0, 1, 3, 4, 8].into_iter().for_each(|chebyshev_degree| {
                let options = Options { chebyshev_degree, ..Options::default() };
                body(kind, &options, &format!("chebyshev {chebyshev_degree}"));
            }),
            name => body(kind, &Options::default(), name),
        }
    }
}

fn build_sub(a: &dyn Operator, name: &str) -> Result<Box<dyn Preconditioner>> {
    let options = Options { sub_pc: SubKind::named(name).expect("a block solver"), ..Options::default() };
    preconditioner::Kind::named("bjacobi").unwrap().build_with(a, &options)
}

fn build_chebyshev(a: &dyn Operator, chebyshev_degree: u32) -> Box<dyn Preconditioner> {
    let options = Options { chebyshev_degree, ..Options::default() };
    preconditioner::Kind::named("chebyshev").unwrap().build_with(a, &options).expect("chebyshev can be built")
}

fn applied(m: &mut dyn Preconditioner, r: &[f64]) -> Vec<f64> {
    let mut z = vec![f64::NAN; r.len()];
    m.apply(r, &mut z);
    z
}

fn inner(comm: &Comm, x: &[f64], y: &[f64]) -> f64 {
    let mut sum = [x.iter().zip(y).map(|(x, y)| x * y).sum()];
    comm.sum(&mut sum);
    sum[0]
}

/// Random matrices with random owners (often leaving ranks without rows), a grid, and one row.
fn matrices(comm: &Comm, random: &mut Random) -> Vec<(SerialMatrix, Vec<u32>)> {
    let mut all = vec![(grid(1, 1), vec![0]), (grid(13, 11), random_owners(random, 143, comm.size()))];
    for round in 0..4 {
        let n = 1 + random.below(90);
        let matrix = random_spd(random, n, 1 + round, round % 2 == 0);
        all.push((matrix, random_owners(random, n, comm.size())));
    }
    all
}

/// Each preconditioner on each matrix, with two random vectors.
fn for_each_on_matrices(comm: &Comm, seed: u64, body: impl Fn(&mut dyn Preconditioner, [&[f64]; 2], &str)) {
    let mut random = Random::new(seed);
    for (matrix, owners) in matrices(comm, &mut random) {
        let a = distribute(comm, &matrix, &owners);
        let [x, y] = [(); 2].map(|()| pick(&random.vector(matrix.rows()), a.layout().rows()));
        for_each(|kind, options, name| {
            let mut m = kind.build_with(&a, options).expect("the preconditioner can be built");
            body(m.as_mut(), [&x, &y], name);
        });
    }
}

fn symmetric_and_positive(comm: &Comm) {
    for_each_on_matrices(comm, 31, |m, [x, y], name| {
        let (mx, my) = (applied(m, x), applied(m, y));
        let [xx, yy] = [inner(comm, &mx, x), inner(comm, &my, y)];
        assert!(xx > 0.0 && yy > 0.0, "{name}: {xx:e}, {yy:e}");
        let [xy, yx] = [inner(comm, &mx, y), inner(comm, &my, x)];
        assert!((xy - yx).abs() <= 1e-12 * (xx * yy).sqrt(), "{name}: {xy:e} and {yx:e}");
    });
}

fn pairs(comm: &Comm) {
    for_each_on_matrices(comm, 32, |m, [x, y], name| {
        let (mx, my) = (applied(m, x), applied(m, y));
        let pair: Vec<[f64; 2]> = x.iter().zip(y).map(|(&x, &y)| [x, y]).collect();
        let mut z = vec![[f64::NAN; 2]; pair.len()];
        m.apply_pair(&pair, &mut z);
        for (z, expected) in z.iter().zip(mx.iter().zip(&my)) {
            let expected = [*expected.0, *expected.1];
            for k in 0..2 {
                assert!(
                    (z[k] - expected[k]).abs() <= 1e-12 * expected[k].abs().max(1e-3),
                    "{name}: {z:?} {expected:?}"
                );
            }
        }
    });
}

/// The block of `rows` as a dense matrix.
fn dense_block(matrix: &SerialMatrix, rows: &[u64]) -> Vec<Vec<f64>> {
    let entry = |i: u64, j: u64| matrix.get(i as usize, j as usize).copied().unwrap_or(0.0);
    rows.iter().map(|&i| rows.iter().map(|&j| entry(i, j)).collect()).collect()
}

fn own_blocks(comm: &Comm) {
    let mut random = Random::new(33);
    for (matrix, owners) in matrices(comm, &mut random) {
        let a = distribute(comm, &matrix, &owners);
        let block = a.own_block();
        let dense = dense_block(&matrix, a.layout().rows());
        assert_eq!(block.starts.len(), dense.len() + 1);
        for (row, dense) in dense.iter().enumerate() {
            let (columns, values) = block.row(row);
            assert!(columns.is_sorted_by(|a, b| a < b), "columns increase");
            let mut here = vec![0.0; dense.len()];
            columns.iter().zip(values).for_each(|(&column, &value)| here[column as usize] = value);
            assert_eq!(&here, dense);
        }
    }
}

/// Σ aᵢₖ bₖⱼ
fn product(a: &[Vec<f64>], b: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let n = a.len();
    let entry = |i: usize, j: usize| (0..n).map(|k| a[i][k] * b[k][j]).sum();
    (0..n).map(|i| (0..n).map(|j| entry(i, j)).collect()).collect()
}

fn transposed(a: &[Vec<f64>]) -> Vec<Vec<f64>> {
    (0..a.len()).map(|i| a.iter().map(|row| row[i]).collect()).collect()
}

/// (D + L) D⁻¹ (D + Lᵀ)
fn ssor_matrix(a: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let n = a.len();
    let lower: Vec<Vec<f64>> = (0..n).map(|i| (0..n).map(|j| if j <= i { a[i][j] } else { 0.0 }).collect()).collect();
    let scaled: Vec<Vec<f64>> = lower.iter().map(|row| (0..n).map(|j| row[j] / a[j][j]).collect()).collect();
    product(&scaled, &transposed(&lower))
}

/// L Lᵀ with square roots, entries outside the pattern of A set to zero as they arise.
fn ic0_matrix(a: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let n = a.len();
    let mut l = vec![vec![0.0; n]; n];
    for i in 0..n {
        for j in (0..=i).filter(|&j| a[i][j] != 0.0) {
            let dot: f64 = (0..j).map(|k| l[i][k] * l[j][k]).sum();
            l[i][j] = if i == j { (a[i][i] - dot).sqrt() } else { (a[i][j] - dot) / l[j][j] };
        }
    }
    product(&l, &transposed(&l))
}

/// M (M⁻¹ r) = r with M multiplied out.
fn formulas(comm: &Comm) {
    let mut random = Random::new(34);
    for (matrix, owners) in matrices(comm, &mut random) {
        let a = distribute(comm, &matrix, &owners);
        let block = dense_block(&matrix, a.layout().rows());
        let r = pick(&random.vector(matrix.rows()), a.layout().rows());
        let ssor = preconditioner::Kind::named("ssor").unwrap().build(&a).unwrap();
        let ic0 = build_sub(&a, "ic0").unwrap();
        assert_eq!(ic0.note(), None, "diagonally dominant matrices need no shift");
        let cases = [
            (ssor, ssor_matrix(&block), "ssor"),
            (build_sub(&a, "ssor").unwrap(), ssor_matrix(&block), "bjacobi ssor"),
            (ic0, ic0_matrix(&block), "bjacobi ic0"),
        ];
        for (mut m, explicit, name) in cases {
            let z = applied(m.as_mut(), &r);
            for (row, r) in explicit.iter().zip(&r) {
                let back: f64 = row.iter().zip(&z).map(|(m, z)| m * z).sum();
                assert!((back - r).abs() < 1e-12, "{name}: {back} {r}");
            }
        }
    }
}

fn has_cholesky() -> bool {
    let has = SubKind::named("cholesky").is_some();
    if !has {
        eprintln!("NOT TESTED: this build has no exact Cholesky");
    }
    has
}

/// With blocks of a matrix that is block diagonal M = A: CG needs one step, or two for rounding.
fn exact(comm: &Comm) {
    if !has_cholesky() {
        return;
    }
    let mut random = Random::new(35);
    let size = 40;
    let n = size * comm.size();
    let mut triplets = TriMat::new((n, n));
    for rank in 0..comm.size() {
        for (&value, (i, j)) in random_spd(&mut random, size, 3, true).iter() {
            triplets.add_triplet(rank * size + i, rank * size + j, value);
        }
    }
    let matrix: SerialMatrix = triplets.to_csr();
    let owners: Vec<u32> = (0..n).map(|row| (row / size) as u32).collect();
    let mut a = distribute(comm, &matrix, &owners);
    let (b, settings) = (random.vector(n), Settings { rtol: 1e-10, ..Settings::default() });
    let mine = pick(&b, a.layout().rows());
    let z = applied(build_sub(&a, "cholesky").unwrap().as_mut(), &mine);
    let expected = pick(&direct_solution(&matrix, &b), a.layout().rows());
    assert!(z.iter().zip(&expected).all(|(z, expected)| (z - expected).abs() <= 1e-12 * expected.abs().max(1.0)));
    for method in krylov::TABLE {
        let mut m = build_sub(&a, "cholesky").unwrap();
        let outcome = krylov::solve(&mut a, m.as_mut(), &mine, None, method, &settings, |_| ());
        assert!(outcome.reason.is_converged(), "{}: {:?}", method.name, outcome.reason);
        assert!(outcome.iterations <= 2, "{}: {} iterations", method.name, outcome.iterations);
    }
}

fn chebyshev_partition(comm: &Comm) {
    let mut random = Random::new(36);
    for matrix in [grid(31, 27), random_spd(&mut random, 300, 4, true)] {
        let n = matrix.rows();
        let b = random.vector(n);
        let iterations = |a: &mut DistMatrix, degree| {
            let mut m = build_chebyshev(a, degree);
            let b = pick(&b, a.layout().rows());
            let method = krylov::Kind::named("pipe-pr-cg").unwrap();
            let outcome = krylov::solve(a, m.as_mut(), &b, None, method, &Settings::default(), |_| ());
            assert!(outcome.reason.is_converged());
            (outcome.iterations, m.note())
        };
        for degree in [1, 4] {
            let owners = random_owners(&mut random, n, comm.size());
            let (here, note) = iterations(&mut distribute(comm, &matrix, &owners), degree);
            let (alone, note_alone) = iterations(&mut distribute(&Comm::alone(), &matrix, &vec![0; n]), degree);
            assert!(here.abs_diff(alone) <= 1, "degree {degree}: {here} iterations, {alone} on one rank");
            assert_eq!(note, note_alone, "the same interval of eigenvalues");
        }
    }
}

/// Degree 0 is Jacobi up to a factor; a degree more is one more step of the three-term recurrence,
/// so two applications of degree k − 1 and k − 2 give that of degree k. Products are counted apart.
fn chebyshev_polynomial(comm: &Comm) {
    let mut random = Random::new(37);
    let matrix = random_spd(&mut random, 80, 3, false);
    let owners = random_owners(&mut random, 80, comm.size());
    let mut a = distribute(comm, &matrix, &owners);
    let r = pick(&random.vector(80), a.layout().rows());
    let diagonal = a.diagonal();
    let z: Vec<Vec<f64>> = (0..6).map(|degree| applied(build_chebyshev(&a, degree).as_mut(), &r)).collect();
    let theta = r.iter().zip(&diagonal).zip(&z[0]).map(|((r, d), z)| r / (d * z)).next();
    if let Some(theta) = theta {
        let jacobi = r.iter().zip(&diagonal).map(|(r, d)| r / d / theta);
        assert!(jacobi.zip(&z[0]).all(|(jacobi, z)| (jacobi - z).abs() <= 1e-13 * z.abs()));
    }
    for degree in 2..6 {
        // z_k − z_{k−1} = c₀ (z_{k−1} − z_{k−2}) + c₁ D⁻¹ (r − A z_{k−1}) with c₀, c₁ the same in every row.
        let mut az = vec![0.0; r.len()];
        a.apply(&z[degree - 1], &mut az);
        let step: Vec<f64> = z[degree].iter().zip(&z[degree - 1]).map(|(z, before)| z - before).collect();
        let d: Vec<f64> = z[degree - 1].iter().zip(&z[degree - 2]).map(|(z, before)| z - before).collect();
        let g: Vec<f64> = (0..r.len()).map(|i| (r[i] - az[i]) / diagonal[i]).collect();
        // Least squares for c₀ and c₁ over all ranks; the fit must be exact.
        let [dd, dg, gg] = [inner(comm, &d, &d), inner(comm, &d, &g), inner(comm, &g, &g)];
        let [ds, gs] = [inner(comm, &d, &step), inner(comm, &g, &step)];
        let determinant = dd * gg - dg * dg;
        let [c0, c1] = [(ds * gg - gs * dg) / determinant, (gs * dd - ds * dg) / determinant];
        assert!(c0 > 0.0 && c1 > 0.0);
        let size = inner(comm, &step, &step).sqrt();
        assert!((0..r.len()).all(|i| (step[i] - c0 * d[i] - c1 * g[i]).abs() <= 1e-10 * size), "degree {degree}");
    }
    let mut m = build_chebyshev(&a, 5);
    let (before, own_before) = (comm.profile().counts(), m.counts());
    applied(m.as_mut(), &r);
    m.apply_pair(&vec![[1.0; 2]; r.len()], &mut vec![[0.0; 2]; r.len()]);
    let (spent, own) = (comm.profile().counts().since(&before), m.counts().since(&own_before));
    assert_eq!((spent.preconditioned, spent.products, spent.messages, spent.sums), (3, 0, 0, 0));
    let neighbours = a.plan().send.len() as u64;
    assert_eq!((own.passes, own.products, own.messages, own.sums), (10, 15, 10 * neighbours, 0));
}

/// Kershaw's matrix (J. Comput. Phys. 26, 1978), positive definite, as every rank's own block.
fn kershaw(blocks: usize) -> SerialMatrix {
    let rows = [[3.0, -2.0, 0.0, 2.0], [-2.0, 3.0, -2.0, 0.0], [0.0, -2.0, 3.0, -2.0], [2.0, 0.0, -2.0, 3.0]];
    let mut triplets = TriMat::new((4 * blocks, 4 * blocks));
    for block in 0..blocks {
        for (i, row) in rows.iter().enumerate() {
            for (j, &value) in row.iter().enumerate().filter(|(_, value)| **value != 0.0) {
                triplets.add_triplet(4 * block + i, 4 * block + j, value);
            }
        }
    }
    triplets.to_csr()
}

fn ic0_breakdown(comm: &Comm) {
    // On the even ranks the block breaks down, on the odd ones it is diagonal.
    let size = comm.size();
    let matrix = kershaw(size.div_ceil(2));
    let n = matrix.rows() + size / 2;
    let mut triplets = TriMat::new((n, n));
    matrix.iter().for_each(|(&value, (i, j))| triplets.add_triplet(i, j, value));
    (matrix.rows()..n).for_each(|i| triplets.add_triplet(i, i, 1.0 + i as f64));
    let owners: Vec<u32> = (0..n)
        .map(|row| if row < matrix.rows() { row / 4 * 2 } else { (row - matrix.rows()) * 2 + 1 } as u32)
        .collect();
    let matrix: SerialMatrix = triplets.to_csr();
    let mut a = distribute(comm, &matrix, &owners);
    let mut m = build_sub(&a, "ic0").expect("a shift helps");
    let note = m.note().expect("there is something to say");
    assert!(note.contains(&format!("1e0 of itself on {} of {size} ranks", size.div_ceil(2))), "{note}");
    let b = pick(&Random::new(38).vector(n), a.layout().rows());
    let method = krylov::Kind::named("pipe-pr-cg").unwrap();
    let outcome = krylov::solve(&mut a, m.as_mut(), &b, None, method, &Settings::default(), |_| ());
    assert!(outcome.reason.is_converged(), "{:?}", outcome.reason);
}

fn refusals(comm: &Comm) {
    // The last rank alone owns the block that is not positive definite: [[1, 3], [3, 1]].
    let last = comm.size() - 1;
    let n = last + 2;
    let mut triplets = TriMat::new((n, n));
    (0..n).for_each(|i| triplets.add_triplet(i, i, 1.0));
    triplets.add_triplet(last, last + 1, 3.0);
    triplets.add_triplet(last + 1, last, 3.0);
    let owners: Vec<u32> = (0..n).map(|row| row.min(last) as u32).collect();
    let a = distribute(comm, &triplets.to_csr(), &owners);
    if has_cholesky() {
        let error = build_sub(&a, "cholesky").err().expect("the block has no Cholesky factor");
        assert_eq!(error.exit_code(), ExitCode::Preconditioner);
        let text = error.to_string();
        assert!(text.contains(&format!("block of rank {last} (2 rows) is not positive definite")), "{text}");
        assert!(text.contains("--sub-pc ic0"), "names the remedy: {text}");
    }

    // A diagonal that is not positive, on the last rank only.
    let mut triplets = TriMat::new((n, n));
    (0..n).for_each(|i| triplets.add_triplet(i, i, if i == last { -1.0 } else { 1.0 }));
    let a = distribute(comm, &triplets.to_csr(), &owners);
    for_each(|kind, options, name| match kind.build_with(&a, options) {
        Ok(_) => assert_eq!(name, "none"),
        Err(error) => assert_eq!(error.exit_code(), ExitCode::Preconditioner, "{name}"),
    });
}

fn dense(comm: &Comm) {
    let spectrum = Spectrum { n: 23, kappa: 1e3, rho: 0.8 };
    let a = DenseColumns::new(comm, &spectrum);
    let ones = vec![1.0; a.layout().len()];
    for_each(|kind, options, name| match kind.build_with(&a, options) {
        Err(error) => {
            assert_eq!((kind.name, error.exit_code()), ("chebyshev", ExitCode::Usage));
        }
        Ok(mut m) => {
            for (z, &row) in applied(m.as_mut(), &ones).iter().zip(a.layout().rows()) {
                let expected = if name == "none" { 1.0 } else { 1.0 / spectrum.eigenvalue(row) };
                assert!((z - expected).abs() <= 1e-13 * expected, "{name}");
            }
        }
    });
}

/// M = diag(d), known to be diagonal or not.
struct Signed {
    d: Vec<f64>,
    says_so: bool,
}

impl Preconditioner for Signed {
    fn apply(&mut self, r: &[f64], z: &mut [f64]) {
        (0..r.len()).for_each(|i| z[i] = r[i] / self.d[i]);
    }

    fn apply_pair(&mut self, r: &[[f64; 2]], z: &mut [[f64; 2]]) {
        (0..r.len()).for_each(|i| z[i] = r[i].map(|r| r / self.d[i]));
    }

    fn diagonal(&self) -> Option<&[f64]> {
        self.says_so.then_some(&self.d[..])
    }
}

/// ⟨r̃, r⟩ < 0 at the start, or later on.
fn indefinite(comm: &Comm) {
    let matrix = grid(12, 11);
    let n = matrix.rows();
    let owners = random_owners(&mut Random::new(71), n, comm.size());
    for schedule in [Schedule::Overlap, Schedule::OneSweep] {
        let mut a = distribute_with(comm, &matrix, &owners, &MatrixOptions { schedule, ..MatrixOptions::default() });
        for method in krylov::TABLE {
            for says_so in [false, true] {
                // Negative where b is not zero, so from the start; and elsewhere, which shows later, if it does.
                for first in [0, n as u64 / 2] {
                    let d = |&row: &u64| if row >= first && row < first + 40 { -1.0 } else { 4.0 };
                    let b: Vec<f64> = a.layout().rows().iter().map(|&row| f64::from(u8::from(row < 20))).collect();
                    let mut m = Signed { d: a.layout().rows().iter().map(d).collect(), says_so };
                    let outcome = krylov::solve(&mut a, &mut m, &b, None, method, &Settings::default(), |_| ());
                    let what = format!("{} {says_so} {first}: {:?}", method.name, outcome.reason);
                    assert!(
                        !outcome.reason.is_converged() || outcome.true_residual <= 1.2e-8 * outcome.reference_norm,
                        "{what}"
                    );
                    if first == 0 {
                        assert_eq!(outcome.reason, Reason::IndefinitePreconditioner, "{what}");
                        assert_eq!(outcome.reason.exit_code(), ExitCode::Preconditioner);
                    }
                }
            }
        }
    }
}
