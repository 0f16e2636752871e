//! Every row gets one owner, also where METIS gives up.

use crate::Body;
use crate::support::{Random, grid, random_spd};
use halocg::comm::{Comm, Op};
use halocg::partition::{self, Owners, Partition};
use halocg::problem::matrix_market::SerialMatrix;
use halocg::problem::{EvenSplit, Problem, Stencil, deal};
use sprs::TriMat;

pub const BODIES: &[Body] = &[
    ("METIS balances and cuts little", metis_quality),
    ("METIS in its corners", metis_corners),
    ("blocks are contiguous and balanced by nonzeros", blocks),
    ("boxes and lists agree with the directory", directory),
];

/// The owner of every row, on every rank.
fn assigned(comm: &Comm, matrix: &SerialMatrix, choice: &Partition) -> Vec<u32> {
    let problem = deal(comm, comm.is_root().then_some(matrix));
    let owners = partition::assign(comm, &problem, choice).expect("the matrix can be partitioned");
    let rows: Vec<u64> = (0..problem.n()).collect();
    let owners: Vec<u32> = owners.of(comm, &rows).into_iter().map(|owner| owner as u32).collect();
    assert!(owners.iter().all(|&owner| (owner as usize) < comm.size()));
    owners
}

fn weights(matrix: &SerialMatrix, owners: &[u32], ranks: usize) -> Vec<usize> {
    let mut weights = vec![0; ranks];
    for (row, &owner) in owners.iter().enumerate() {
        weights[owner as usize] += matrix.outer_view(row).map_or(0, |row| row.nnz());
    }
    weights
}

fn metis_quality(comm: &Comm) {
    let matrix = grid(40, 40);
    let owners = assigned(comm, &matrix, &Partition::Metis);
    let weights = weights(&matrix, &owners, comm.size());
    let mean = matrix.nnz() as f64 / comm.size() as f64;
    assert!(weights.iter().all(|&weight| (weight as f64) < 1.1 * mean), "{weights:?}");
    let cut = matrix.iter().filter(|(_, (i, j))| i < j && owners[*i] != owners[*j]).count();
    // Straight cuts of a 40 x 40 grid into P parts cost at most 40 edges each.
    assert!(cut <= 60 * (comm.size() - 1), "cut {cut}");
}

fn metis_corners(comm: &Comm) {
    let mut random = Random::new(6);
    let diagonal = random_spd(&mut random, 50, 0, false);
    let spread = assigned(comm, &diagonal, &Partition::Metis);
    assert!(
        weights(&diagonal, &spread, comm.size()).iter().all(|&weight| weight > 0),
        "a diagonal matrix is shared out"
    );
    // One row; fewer rows than ranks; exactly as many; two separate grids.
    assigned(comm, &grid(1, 1), &Partition::Metis);
    assigned(comm, &grid(2, 1), &Partition::Metis);
    assigned(comm, &grid(comm.size() as u64, 1), &Partition::Metis);
    assigned(comm, &grid(comm.size() as u64 + 1, 1), &Partition::Metis);
    let island = grid(9, 7);
    let mut triplets = TriMat::new((126, 126));
    for (&value, (i, j)) in island.iter() {
        triplets.add_triplet(i, j, value);
        triplets.add_triplet(63 + i, 63 + j, value);
    }
    let both: SerialMatrix = triplets.to_csr();
    let owners = assigned(comm, &both, &Partition::Metis);
    assert!(weights(&both, &owners, comm.size()).iter().all(|&weight| weight > 0));
    // A hub coupled to everything.
    assigned(comm, &random_spd(&mut random, 60, 1, true), &Partition::Metis);
}

fn blocks(comm: &Comm) {
    // Rows get denser and denser.
    let n = 300;
    let mut triplets = TriMat::new((n, n));
    for i in 0..n {
        triplets.add_triplet(i, i, n as f64);
        for j in (0..i).filter(|j| (i + j) % 7 == 0 && *j > n / 2) {
            triplets.add_triplet(i, j, -1.0);
            triplets.add_triplet(j, i, -1.0);
        }
    }
    let matrix: SerialMatrix = triplets.to_csr();
    let owners = assigned(comm, &matrix, &Partition::Blocks);
    assert!(owners.is_sorted());
    let mean = matrix.nnz() as f64 / comm.size() as f64;
    let heaviest_row = matrix.outer_iterator().map(|row| row.nnz()).max().unwrap() as f64;
    let weights = weights(&matrix, &owners, comm.size());
    assert!(weights.iter().all(|&weight| (weight as f64 - mean).abs() <= heaviest_row), "{weights:?}, mean {mean}");
}

fn directory(comm: &Comm) {
    let stencil = Stencil::new([7, 6, 5], 3, 7).expect("a grid");
    let boxes = partition::assign(comm, &Problem::Stencil(stencil), &Partition::Boxes).expect("a grid has boxes");
    let rows: Vec<u64> = (0..stencil.n()).rev().filter(|row| (row + comm.rank() as u64).is_multiple_of(3)).collect();
    let by_formula = boxes.of(comm, &rows);
    // The same owners as a list held in even shares.
    let split = EvenSplit { n: stencil.n(), ranks: comm.size() };
    let mine: Vec<u64> = split.share(comm.rank()).collect();
    let listed = boxes.of(comm, &mine).into_iter().map(|owner| owner as u32).collect();
    assert_eq!(Owners::Listed(split, listed).of(comm, &rows), by_formula);
    let shares = by_formula.iter().filter(|&&owner| owner == 0).count() as u64;
    assert!(comm.reduced(Op::Sum, shares) > 0);
}
