//! Who owns which row.

mod blocks;
mod boxes;
mod file;
mod metis;
mod quality;
mod rcb;

#[doc(hidden)]
pub use boxes::BoxNeighbour;
pub use boxes::Boxes;
pub use file::write;
#[doc(hidden)]
pub use metis::metis_bytes;
pub use quality::{Message, PartLoad, Quality};
#[doc(hidden)]
pub use rcb::{Point, bisect};

use crate::comm::{Comm, Op};
use crate::error::{Error, Result};
use crate::problem::{EvenSplit, MeshProblem, Problem, Stencil};
use std::ops::Range;
use std::path::PathBuf;

/// How rows are given to ranks.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Partition {
    /// METIS k-way partition of the matrix graph, rows weighted by their nonzeros.
    Metis,
    /// Contiguous rows, balanced by nonzeros.
    Blocks,
    /// A box of the grid per rank (structured problems only).
    Boxes,
    /// Recursive coordinate bisection, rows weighted by their nonzeros (problems that know where their rows lie).
    Rcb,
    /// A file with one owner per line, in row order (the format of METIS' `.part` files).
    File(PathBuf),
}

impl Partition {
    /// The name in reports.
    pub fn name(&self) -> String {
        match self {
            Partition::Metis => "metis".into(),
            Partition::Blocks => "blocks".into(),
            Partition::Boxes => "boxes".into(),
            Partition::Rcb => "rcb".into(),
            Partition::File(path) => format!("file:{}", path.display()),
        }
    }
}

/// The owner of every row: a formula, or a list held in even shares. No rank holds all of it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Owners {
    /// The owners of this rank's even share of the rows.
    Listed(EvenSplit, Vec<u32>),
    /// Boxes of a structured grid.
    Boxes(Boxes),
}

impl Owners {
    /// The owners of `rows`, one each, from the ranks that hold the list. Collective; costs a rank
    /// messages only with the holders of the rows it asks for.
    pub fn of(&self, comm: &Comm, rows: &[u64]) -> Vec<usize> {
        let (split, mine) = match self {
            Owners::Boxes(boxes) => return rows.iter().map(|&row| boxes.owner(row)).collect(),
            Owners::Listed(split, mine) => (split, mine),
        };
        let (questions, order) = group_by(rows.iter().map(|&row| (split.holder(row), row)));
        let first = split.share(comm.rank()).start;
        let replies = comm
            .sparse_exchange(questions)
            .into_iter()
            .map(|(from, rows)| (from, rows.iter().map(|&row| mine[(row - first) as usize]).collect()))
            .collect();
        let answers: Vec<u32> = comm.sparse_exchange(replies).into_iter().flat_map(|(_, owners)| owners).collect();
        let mut owners = vec![0; rows.len()];
        for (place, owner) in order.into_iter().zip(answers) {
            owners[place] = owner as usize;
        }
        owners
    }
}

impl Owners {
    /// Every rank owns the rows `mine`, consecutive ones, which together are all `n`. Collective.
    pub fn contiguous(comm: &Comm, n: u64, mine: Range<u64>) -> Owners {
        let split = EvenSplit { n, ranks: comm.size() };
        let (messages, _) = group_by(mine.map(|row| (split.holder(row), comm.rank() as u32)));
        let listed = comm.sparse_exchange(messages).into_iter().flat_map(|(_, owners)| owners).collect();
        Owners::Listed(split, listed)
    }
}

/// Items sorted into one message per rank (ranks increasing, order kept within a rank), and the
/// place in the input that each item of the concatenated messages came from.
pub(crate) fn group_by<T>(items: impl IntoIterator<Item = (usize, T)>) -> (Vec<(usize, Vec<T>)>, Vec<usize>) {
    let mut items: Vec<(usize, (usize, T))> =
        items.into_iter().enumerate().map(|(place, (rank, item))| (rank, (place, item))).collect();
    items.sort_by_key(|(rank, _)| *rank);
    let (mut messages, mut order): (Vec<(usize, Vec<T>)>, Vec<usize>) = Default::default();
    for (rank, (place, item)) in items {
        match messages.last_mut() {
            Some((to, message)) if *to == rank => message.push(item),
            _ => messages.push((rank, vec![item])),
        }
        order.push(place);
    }
    (messages, order)
}

/// Decides who owns which row. Collective.
///
/// # Errors
/// An unusable partition file; boxes or coordinate bisection for a matrix without coordinates; a graph too large for
/// METIS, and METIS' own failures.
pub fn assign(comm: &Comm, problem: &Problem, partition: &Partition) -> Result<Owners> {
    assign_parts(comm, problem, partition, comm.size())
}

/// The same for `parts` future ranks, 1 or more: whatever the number of ranks that decide it. Collective.
///
/// # Errors
/// As for [`assign`].
///
/// # Panics
/// On the dense problem, which has no sparse rows.
pub fn assign_parts(comm: &Comm, problem: &Problem, partition: &Partition, parts: usize) -> Result<Owners> {
    let split = EvenSplit { n: problem.n(), ranks: comm.size() };
    if let (Partition::Boxes, Problem::Stencil(stencil)) = (partition, problem) {
        return Ok(Owners::Boxes(Boxes::new(stencil, parts)));
    }
    let no_coordinates =
        |name: &str, needs: &str| Err(Error::usage(format!("--partition {name} needs {needs}; use metis or blocks")));
    let listed = match partition {
        Partition::Boxes => no_coordinates("boxes", "a structured grid (halocg poisson)"),
        Partition::Rcb => match problem {
            Problem::Stencil(stencil) => Ok(bisect(comm, &grid_points(stencil, split.share(comm.rank())), parts)),
            Problem::Mesh(mesh) => Ok(bisect(comm, &mesh_points(mesh), parts)),
            _ => no_coordinates("rcb", "a mesh or a structured grid (halocg poisson)"),
        },
        Partition::Blocks => Ok(blocks::assign(comm, &problem.graph_share(comm), parts)),
        Partition::Metis => metis::assign(comm, problem, parts),
        Partition::File(path) => file::read(comm, split, parts, path),
    }?;
    Ok(Owners::Listed(split, listed))
}

/// The rows of a grid where they lie, each weighing its entries.
fn grid_points(stencil: &Stencil, rows: Range<u64>) -> Vec<Point> {
    let point = |number| Point {
        number,
        at: stencil.point(number).map(|at| at as f64),
        weight: stencil.entries(number).count() as u64,
    };
    rows.map(point).collect()
}

/// The nodes of this rank's even share where they lie, each weighing its entries.
fn mesh_points(mesh: &MeshProblem) -> Vec<Point> {
    let rows = &mesh.rows;
    let point = |(k, &at)| Point { number: rows.numbers[k], at, weight: rows.row(k).0.len() as u64 };
    mesh.points.iter().enumerate().map(point).collect()
}

/// Where this rank's weight starts in the line of all ranks' weights, and the total. Collective.
fn prefix(comm: &Comm, weight: u64) -> (u64, u64) {
    let mut weights = vec![0; comm.size()];
    weights[comm.rank()] = weight;
    comm.reduce_u64(Op::Sum, &mut weights);
    (weights[..comm.rank()].iter().sum(), weights.iter().sum())
}
