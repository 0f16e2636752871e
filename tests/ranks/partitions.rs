//! Every row gets one owner, also where METIS gives up.

use crate::Body;
use crate::support::{Random, SerialMatrix, deal, distribute, grid, random_owners, random_spd};
use halocg::comm::{Comm, Op};
use halocg::distributed::{Ordering, StencilRows, localize};
use halocg::operator::Operator;
use halocg::partition::{self, BoxNeighbour, Message, Owners, PartLoad, Partition, Quality};
use halocg::problem::{EvenSplit, Problem, Stencil};
use sprs::TriMat;

pub const BODIES: &[Body] = &[
    ("METIS balances and cuts little", metis_quality),
    ("METIS in its corners", metis_corners),
    ("blocks are contiguous and balanced by nonzeros", blocks),
    ("boxes and lists agree with the directory", directory),
    ("parts do not depend on the ranks that decide them", parts_alone),
    ("the costs of a partition are known beforehand", quality),
    ("coordinate bisection balances and cuts little", rcb_quality),
];

/// The owner of every row, on every rank.
fn assigned(comm: &Comm, matrix: &SerialMatrix, choice: &Partition) -> Vec<u32> {
    let problem = deal(comm, matrix);
    parts(comm, &problem, choice, comm.size())
}

/// The part of every row, on every rank.
fn parts(comm: &Comm, problem: &Problem, choice: &Partition, parts: usize) -> Vec<u32> {
    let owners = partition::assign_parts(comm, problem, choice, parts).expect("the matrix can be partitioned");
    let rows: Vec<u64> = (0..problem.n()).collect();
    let owners: Vec<u32> = owners.of(comm, &rows).into_iter().map(|owner| owner as u32).collect();
    assert!(owners.iter().all(|&owner| (owner as usize) < parts));
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

/// Two grids and a row that is coupled to all of one of them.
fn islands_and_a_hub() -> SerialMatrix {
    let island = grid(9, 7);
    let mut triplets = TriMat::new((127, 127));
    for (&value, (i, j)) in island.iter() {
        triplets.add_triplet(i, j, value);
        triplets.add_triplet(63 + i, 63 + j, value);
    }
    triplets.add_triplet(126, 126, 80.0);
    for i in 0..63 {
        triplets.add_triplet(126, i, -1.0);
        triplets.add_triplet(i, 126, -1.0);
    }
    triplets.to_csr()
}

fn parts_alone(comm: &Comm) {
    let alone = Comm::alone();
    let diagonal = random_spd(&mut Random::new(6), 50, 0, false);
    for matrix in [grid(1, 1), grid(12, 9), diagonal, islands_and_a_hub()] {
        let dealt = deal(comm, &matrix);
        let whole = deal(&alone, &matrix);
        for count in [1, 5, 64, 300] {
            let blocks = parts(comm, &dealt, &Partition::Blocks, count);
            assert_eq!(blocks, parts(&alone, &whole, &Partition::Blocks, count), "{count}");
            // METIS draws its numbers from one source for all threads: its parts are not compared.
            let mut used = parts(comm, &dealt, &Partition::Metis, count);
            used.sort_unstable();
            used.dedup();
            assert!(used.len() > count.min(matrix.rows()) / 2, "{} of {count} parts", used.len());
        }
    }
    for (points, dim, size) in [([13, 9, 1], 2, 9), ([6, 5, 4], 3, 7), ([1, 1, 2], 3, 27)] {
        let problem = Problem::Stencil(Stencil::new(points, dim, size).expect("a grid"));
        for choice in [Partition::Rcb, Partition::Boxes] {
            for count in [5, 64] {
                let together = parts(comm, &problem, &choice, count);
                assert_eq!(together, parts(&alone, &problem, &choice, count), "{choice:?} {count}");
            }
        }
    }
}

/// What is counted beforehand is what the distributed matrix then has.
fn quality(comm: &Comm) {
    let mut random = Random::new(8);
    for matrix in [grid(11, 6), random_spd(&mut random, 60, 2, true), random_spd(&mut random, 9, 0, false)] {
        let owners = random_owners(&mut random, matrix.rows(), comm.size());
        let a = distribute(comm, &matrix, &owners);
        let split = EvenSplit { n: matrix.rows() as u64, ranks: comm.size() };
        let share = split.share(comm.rank());
        let listed = Owners::Listed(split, owners[share.start as usize..share.end as usize].to_vec());
        let problem = deal(comm, &matrix);
        let counted = Quality::of(comm, &problem, &listed, comm.size());
        let plan = a.plan();
        let load = PartLoad {
            rows: a.layout().len() as u64,
            nonzeros: a.stored_entries(),
            sent: plan.sent_rows() as u64,
            ghosts: plan.ghosts() as u64,
            neighbours: plan.receive.len() as u64,
        };
        assert_eq!(counted.loads, [load]);
        let from = comm.rank() as u32;
        let sent = plan.send.iter().map(|(to, rows)| Message { from, to: *to as u32, rows: rows.len() as u64 });
        assert_eq!(counted.messages, sent.collect::<Vec<_>>());
        assert_eq!(counted.edge_cut, comm.reduced(Op::Sum, a.ghost_entries()) / 2);
    }
}

fn rcb_quality(comm: &Comm) {
    let stencil = Stencil::new([40, 40, 1], 2, 5).expect("a grid");
    let owners = parts(comm, &Problem::Stencil(stencil), &Partition::Rcb, comm.size());
    let matrix = grid(40, 40);
    let weights = weights(&matrix, &owners, comm.size());
    let mean = matrix.nnz() as f64 / comm.size() as f64;
    assert!(weights.iter().all(|&weight| (weight as f64 - mean).abs() < 20.0), "{weights:?}, mean {mean}");
    let cut = matrix.iter().filter(|(_, (i, j))| i < j && owners[*i] != owners[*j]).count();
    assert!(cut <= 42 * (comm.size() - 1), "cut {cut}");
}

/// Too many ranks for processes: on threads only.
pub fn boxes_by_formula() {
    for ranks in 1..=64 {
        Comm::threads(ranks, |comm| {
            for points in [[9, 8, 7], [16, 3, 5], [64, 2, 2]] {
                for (dim, size) in [(2, 5), (2, 9), (3, 7), (3, 27)] {
                    let points = if dim == 2 { [points[0], points[1], 1] } else { points };
                    halo_is_that_of_the_plan(comm, Stencil::new(points, dim, size).expect("a grid"));
                }
            }
        });
    }
}

fn halo_is_that_of_the_plan(comm: &Comm, stencil: Stencil) {
    let owners = partition::assign(comm, &Problem::Stencil(stencil), &Partition::Boxes).expect("a grid has boxes");
    let Owners::Boxes(boxes) = owners else { panic!("boxes are a formula") };
    let rows = StencilRows { stencil, numbers: boxes.rows_of(comm.rank()) };
    let (_, plan) = localize(comm, stencil.n(), &rows, &owners, Ordering::Natural, |_| (), |_| ());
    let planned: Vec<BoxNeighbour> = plan
        .receive
        .iter()
        .zip(&plan.send)
        .map(|(&(rank, receive), (to, rows))| {
            assert_eq!(rank, *to, "who reads is read");
            BoxNeighbour { rank, receive: receive as u64, send: rows.len() as u64 }
        })
        .collect();
    assert_eq!(plan.send.len(), planned.len());
    assert_eq!(boxes.halo(comm.rank()), planned, "{stencil:?} on {} ranks", comm.size());
}
