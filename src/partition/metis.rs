//! METIS k-way partition of the matrix graph.

use super::blocks;
use super::file::deal;
use crate::comm::{Comm, Op};
use crate::error::{Error, Result};
use crate::problem::{EvenSplit, Rows};
use metis::option::{ObjType, Seed};
use metis::{Graph, Idx};

/// Owners of this rank's even share. The graph is gathered on rank 0. Collective.
///
/// The corners that METIS does not take are decided here: one rank; no more rows than ranks; a
/// graph without edges (a diagonal matrix), where contiguous blocks are as good as anything.
pub(super) fn assign(comm: &Comm, split: EvenSplit, rows: &Rows) -> Result<Vec<u32>> {
    if comm.size() == 1 {
        return Ok(vec![0; rows.len()]);
    }
    if split.n <= comm.size() as u64 {
        return Ok(rows.numbers.iter().map(|&row| row as u32).collect());
    }
    let mut graph = Adjacency::of(rows);
    if comm.reduced(Op::Sum, graph.neighbours.len() as u64) == 0 {
        return Ok(blocks::assign(comm, rows));
    }
    graph = graph.gathered(comm);
    let owners =
        comm.agree(if comm.is_root() { graph.symmetrized().partition(comm.size()) } else { Ok(Vec::new()) })?;
    Ok(deal(comm, split, &owners))
}

/// The graph of some consecutive rows: who is coupled to whom. The diagonal is not an edge.
#[derive(Default)]
struct Adjacency {
    degrees: Vec<Idx>,
    weights: Vec<Idx>,
    neighbours: Vec<Idx>,
    too_large: bool,
}

impl Adjacency {
    fn of(rows: &Rows) -> Adjacency {
        let mut graph = Adjacency::default();
        for (k, &number) in rows.numbers.iter().enumerate() {
            let (columns, _) = rows.row(k);
            let before = graph.neighbours.len();
            for &column in columns.iter().filter(|&&column| column != number) {
                graph.too_large |= column > Idx::MAX as u64;
                graph.neighbours.push(column as Idx);
            }
            graph.degrees.push((graph.neighbours.len() - before) as Idx);
            graph.weights.push(columns.len().max(1) as Idx);
        }
        graph
    }

    /// The whole graph, on rank 0. Collective.
    fn gathered(&self, comm: &Comm) -> Adjacency {
        Adjacency {
            degrees: comm.gather(0, &self.degrees).concat(),
            weights: comm.gather(0, &self.weights).concat(),
            neighbours: comm.gather(0, &self.neighbours).concat(),
            too_large: comm.reduced(Op::Max, u64::from(self.too_large)) == 1,
        }
    }

    fn starts(&self) -> Vec<usize> {
        let mut starts = vec![0];
        for &degree in &self.degrees {
            starts.push(starts[starts.len() - 1] + degree as usize);
        }
        starts
    }

    /// With every edge in both directions: METIS corrupts memory on any other graph. Whole graphs only.
    fn symmetrized(self) -> Adjacency {
        if self.too_large {
            return self;
        }
        let n = self.degrees.len();
        let starts = self.starts();
        let mut reversed: Vec<Vec<Idx>> = vec![Vec::new(); n];
        let mut unsymmetric = false;
        for row in 0..n {
            for &neighbour in &self.neighbours[starts[row]..starts[row + 1]] {
                let back = neighbour as usize;
                if self.neighbours[starts[back]..starts[back + 1]].binary_search(&(row as Idx)).is_err() {
                    reversed[back].push(row as Idx);
                    unsymmetric = true;
                }
            }
        }
        if !unsymmetric {
            return self;
        }
        let mut symmetric = Adjacency { weights: self.weights, ..Adjacency::default() };
        for row in 0..n {
            let there = &self.neighbours[starts[row]..starts[row + 1]];
            symmetric.neighbours.extend(there.iter().chain(&reversed[row]));
            symmetric.degrees.push((there.len() + reversed[row].len()) as Idx);
        }
        symmetric
    }

    fn partition(&self, parts: usize) -> Result<Vec<u32>> {
        let refused =
            |what: String| Error::input(format!("METIS cannot partition this matrix: {what}; use --partition blocks"));
        let weight: u64 = self.weights.iter().map(|&weight| weight as u64).sum();
        if self.too_large || self.neighbours.len() > Idx::MAX as usize || weight > Idx::MAX as u64 {
            return Err(refused(format!("its graph has more than {} rows or edges", Idx::MAX)));
        }
        let starts: Vec<Idx> = self.starts().into_iter().map(|start| start as Idx).collect();
        let mut owners = vec![0; self.degrees.len()];
        Graph::new(1, parts as Idx, &starts, &self.neighbours)
            .map_err(|error| refused(error.to_string()))?
            .set_vwgt(&self.weights)
            // Communication volume rather than cut edges: it is the halo that is paid for.
            .set_option(ObjType::Vol)
            .set_option(Seed(1))
            .part_kway(&mut owners)
            .map_err(|error| refused(error.to_string()))?;
        Ok(owners.into_iter().map(|owner| owner as u32).collect())
    }
}
