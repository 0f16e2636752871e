//! Rows to their owners, and vectors between the file's order and the owners'.

use super::layout::Layout;
use crate::comm::{Comm, Op};
use crate::partition::{Owners, group_by};
use crate::problem::{EvenSplit, Problem, Rows, deal};

/// The rows that this rank owns, numbers increasing. Rows of a grid are generated where they are
/// owned; rows that were read travel from the rank that holds them. Collective.
///
/// # Panics
/// On the dense problem, which has no sparse rows.
pub fn rows_to_owners(comm: &Comm, problem: &Problem, owners: &Owners) -> Rows {
    match (problem, owners) {
        (Problem::Stencil(stencil), _) => stencil.rows(numbers_to_owners(comm, owners)),
        (Problem::Matrix(_, rows), Owners::Listed(_, listed)) => send_rows(comm, rows, ranks(listed)),
        (Problem::Mesh(mesh), Owners::Listed(_, listed)) => {
            let mut rows = send_rows(comm, &mesh.rows, ranks(listed));
            // They were there for the partition.
            rows.drop_zeros();
            rows
        }
        (Problem::Matrix(..) | Problem::Mesh(_), Owners::Boxes(_)) => panic!("boxes belong to a structured grid"),
        (Problem::Dense(_), _) => panic!("the dense model problem has no sparse rows"),
    }
}

/// The numbers of the rows that this rank owns, increasing. Collective.
pub fn numbers_to_owners(comm: &Comm, owners: &Owners) -> Vec<u64> {
    match owners {
        Owners::Boxes(boxes) => boxes.rows_of(comm.rank()),
        Owners::Listed(split, listed) => {
            let (numbers, _) = group_by(listed.iter().map(|&owner| owner as usize).zip(split.share(comm.rank())));
            // Sources come in rank order, each with increasing rows of its share: already sorted.
            comm.sparse_exchange(numbers).into_iter().flat_map(|(_, numbers)| numbers).collect()
        }
    }
}

/// Rows of a matrix of `n` rows in even shares, when each rank has a block of consecutive rows, in the order of the ranks:
/// how a host program may have dealt them. Collective.
pub fn rows_to_even(comm: &Comm, n: u64, rows: Rows) -> Rows {
    let split = EvenSplit { n, ranks: comm.size() };
    let share = split.share(comm.rank());
    let is_even =
        rows.numbers.first().is_none_or(|&first| first == share.start) && rows.len() as u64 == share.end - share.start;
    if comm.reduced(Op::Min, u64::from(is_even)) == 1 {
        return rows;
    }
    send_rows(comm, &rows, rows.numbers.iter().map(|&row| split.holder(row)))
}

fn ranks(owners: &[u32]) -> impl Iterator<Item = usize> {
    owners.iter().map(|&owner| owner as usize)
}

fn send_rows(comm: &Comm, rows: &Rows, owners: impl Iterator<Item = usize>) -> Rows {
    let (kept, _) = group_by(owners.zip(0..rows.len()));
    // Numbers and lengths; columns; values: three messages per owner.
    let heads = kept.iter().map(|(to, rows_of_it)| {
        let head = |&k: &usize| [rows.numbers[k], (rows.starts[k + 1] - rows.starts[k]) as u64];
        (*to, rows_of_it.iter().flat_map(head).collect())
    });
    let heads: Vec<(usize, Vec<u64>)> = comm.sparse_exchange(heads.collect());
    let columns =
        kept.iter().map(|(to, rows_of_it)| (*to, rows_of_it.iter().flat_map(|&k| rows.row(k).0.to_vec()).collect()));
    let columns: Vec<(usize, Vec<u64>)> = comm.sparse_exchange(columns.collect());
    let values =
        kept.iter().map(|(to, rows_of_it)| (*to, rows_of_it.iter().flat_map(|&k| rows.row(k).1.to_vec()).collect()));
    let values: Vec<(usize, Vec<f64>)> = comm.sparse_exchange(values.collect());
    let mut owned = Rows::new();
    for ((_, head), ((_, columns), (_, values))) in heads.into_iter().zip(columns.into_iter().zip(values)) {
        let mut at = 0;
        for row in head.chunks_exact(2) {
            let entries = at..at + row[1] as usize;
            at = entries.end;
            owned.push(row[0], columns[entries.clone()].iter().copied().zip(values[entries].iter().copied()));
        }
    }
    owned
}

impl Layout {
    /// A vector given in even shares of the original order, brought to the owners' order. Collective.
    pub fn from_even(&self, share: &[f64]) -> Vec<f64> {
        let split = EvenSplit { n: self.n(), ranks: self.comm().size() };
        let (questions, order) = group_by(self.rows().iter().map(|&row| (split.holder(row), row)));
        let first = split.share(self.comm().rank()).start;
        let replies = self
            .comm()
            .sparse_exchange(questions)
            .into_iter()
            .map(|(from, rows)| (from, rows.iter().map(|&row| share[(row - first) as usize]).collect()))
            .collect();
        let answers =
            self.comm().sparse_exchange(replies).into_iter().flat_map(|(_, values): (usize, Vec<f64>)| values);
        let mut vector = vec![0.0; self.len()];
        for (place, value) in order.into_iter().zip(answers) {
            vector[place] = value;
        }
        vector
    }

    /// A vector in the owners' order, brought to even shares of the original order. Collective.
    pub fn to_even(&self, vector: &[f64]) -> Vec<f64> {
        let split = EvenSplit { n: self.n(), ranks: self.comm().size() };
        let share = split.share(self.comm().rank());
        let holders = || self.rows().iter().map(|&row| split.holder(row));
        let (rows, _) = group_by(holders().zip(self.rows().iter().copied()));
        let (values, _) = group_by(holders().zip(vector.iter().copied()));
        let rows = self.comm().sparse_exchange(rows);
        let values = self.comm().sparse_exchange(values);
        let mut even = vec![0.0; (share.end - share.start) as usize];
        for ((_, rows), (_, values)) in rows.into_iter().zip(values) {
            for (row, value) in rows.into_iter().zip(values) {
                even[(row - share.start) as usize] = value;
            }
        }
        even
    }

    /// A vector in original order that rank 0 holds (the others pass nothing). Collective.
    pub fn from_root(&self, whole: Option<&[f64]>) -> Vec<f64> {
        self.from_even(&deal(self.comm(), self.n(), whole))
    }

    /// The whole vector in original order on rank 0; empty elsewhere. Collective.
    pub fn to_root(&self, vector: &[f64]) -> Vec<f64> {
        self.comm().gather(0, &self.to_even(vector)).concat()
    }
}
