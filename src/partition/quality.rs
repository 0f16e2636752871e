//! What a partition would cost: counted from who owns what, before any row has moved.

use super::{Owners, group_by};
use crate::comm::{Comm, Op};
use crate::problem::{EvenSplit, Problem};
use std::collections::BTreeMap;

/// Rows that one part sends to another in an exchange of one vector, each of them a word of 8 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Message {
    /// Who owns the rows.
    pub from: u32,
    /// Who has them as ghosts.
    pub to: u32,
    /// How many.
    pub rows: u64,
}

/// What one part has to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PartLoad {
    /// Rows it owns.
    pub rows: u64,
    /// Stored entries in them.
    pub nonzeros: u64,
    /// Rows it sends, once for each part that reads them.
    pub sent: u64,
    /// Rows of others that it reads.
    pub ghosts: u64,
    /// Parts that it reads from.
    pub neighbours: u64,
}

/// The parts of a partition, in even shares: no rank holds all of them.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Quality {
    /// How many parts there are.
    pub parts: usize,
    /// This rank's even share of the parts.
    pub loads: Vec<PartLoad>,
    /// What these parts send, sorted.
    pub messages: Vec<Message>,
    /// Pairs of coupled rows in different parts, all ranks together.
    pub edge_cut: u64,
}

impl Quality {
    /// Counts. The pattern of the matrix is symmetric. Collective; costs a rank memory for its even share of the rows and
    /// messages with the holders of what these are coupled to.
    ///
    /// # Panics
    /// On the dense problem, which has no sparse rows.
    pub fn of(comm: &Comm, problem: &Problem, owners: &Owners, parts: usize) -> Quality {
        let rows = problem.even_share(comm);
        let mut columns = rows.columns.clone();
        columns.extend_from_slice(&rows.numbers);
        columns.sort_unstable();
        columns.dedup();
        let part_of = owners.of(comm, &columns);
        let part = |row: u64| part_of[columns.binary_search(&row).expect("all rows named here were asked for")] as u32;

        let mut loads: BTreeMap<u32, [u64; 2]> = BTreeMap::new();
        let mut sent: BTreeMap<(u32, u32), u64> = BTreeMap::new();
        let (mut cut, mut readers) = (0, Vec::new());
        for (k, &number) in rows.numbers.iter().enumerate() {
            let (here, columns) = (part(number), rows.row(k).0);
            let load = loads.entry(here).or_default();
            *load = [load[0] + 1, load[1] + columns.len() as u64];
            // Who is coupled to a row reads it.
            readers.clear();
            readers.extend(columns.iter().map(|&column| part(column)).filter(|&there| there != here));
            cut += readers.len() as u64;
            readers.sort_unstable();
            readers.dedup();
            for &there in &readers {
                *sent.entry((here, there)).or_default() += 1;
            }
        }

        let split = EvenSplit { n: parts as u64, ranks: comm.size() };
        let first = split.share(comm.rank()).start;
        let to_holders = |items: Vec<[u64; 3]>| -> Vec<[u64; 3]> {
            let (messages, _) = group_by(items.into_iter().map(|item| (split.holder(item[0]), item)));
            comm.sparse_exchange(messages).into_iter().flat_map(|(_, items)| items).collect()
        };
        let mut mine = vec![PartLoad::default(); (split.share(comm.rank()).end - first) as usize];
        for [part, rows, nonzeros] in
            to_holders(loads.into_iter().map(|(part, [rows, nonzeros])| [part.into(), rows, nonzeros]).collect())
        {
            let load = &mut mine[(part - first) as usize];
            (load.rows, load.nonzeros) = (load.rows + rows, load.nonzeros + nonzeros);
        }
        let mut messages: BTreeMap<(u64, u64), u64> = BTreeMap::new();
        for [from, to, rows] in
            to_holders(sent.into_iter().map(|((from, to), rows)| [from.into(), to.into(), rows]).collect())
        {
            *messages.entry((from, to)).or_default() += rows;
            mine[(from - first) as usize].sent += rows;
        }
        for [to, _, rows] in to_holders(messages.iter().map(|(&(from, to), &rows)| [to, from, rows]).collect()) {
            let load = &mut mine[(to - first) as usize];
            (load.ghosts, load.neighbours) = (load.ghosts + rows, load.neighbours + 1);
        }
        let message = |((from, to), rows)| Message { from: from as u32, to: to as u32, rows };
        Quality {
            parts,
            loads: mine,
            messages: messages.into_iter().map(message).collect(),
            // Every cut pair is stored on both sides.
            edge_cut: comm.reduced(Op::Sum, cut) / 2,
        }
    }
}
