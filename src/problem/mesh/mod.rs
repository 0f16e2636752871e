//! Linear finite elements for −∇·(k∇u) = f on a mesh of triangles or tetrahedra.
//!
//! Rank 0 reads the mesh, checks it and deals it out: nodes and cells go to all ranks in even shares, and no other rank
//! holds more than that. Every rank computes the matrices of its cells; their entries travel to the rank that holds the
//! row, where they are added in the order of the cells, so that the system has the same bits on any number of ranks.
//!
//! Every node is a row, in the order of the file. The row of a node where u is given reads aᵢᵢ u = aᵢᵢ g, with the aᵢᵢ that
//! it would have had, and g moves to the right-hand side of its neighbours: the matrix stays symmetric positive definite,
//! and a solve that begins with these values has residual 0 there for ever. The zeros that remain beside such rows are kept
//! for the partition, which so works on the graph of the mesh, and are dropped on the way to the owners.

mod conditions;
mod elements;
mod gmsh;
mod scanner;
mod topology;

pub use conditions::{Conditions, Load};
pub(crate) use topology::plane;
pub use topology::{Cell, Face, boundary};

use super::arrivals::Arrivals;
use super::{EvenSplit, Rows, deal, fetch};
use crate::comm::{Comm, Op};
use crate::error::{Error, Result};
use conditions::Model;
use elements::{centre, measure, stiffness};
use serde::Serialize;
use std::path::Path;

/// A mesh as a file holds it, whole.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Mesh {
    /// What messages call it: the name of the file.
    pub name: String,
    /// The number that the file gives each node.
    pub node_numbers: Vec<u64>,
    /// Where each node lies.
    pub points: Vec<[f64; 3]>,
    /// Points, lines, triangles and tetrahedra; those of the highest dimension are the cells.
    pub elements: Vec<Element>,
    /// For each entity the indices of the groups that it belongs to.
    pub entities: Vec<Vec<u32>>,
    /// The physical groups.
    pub groups: Vec<Group>,
}

/// An element of a mesh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Element {
    /// Its number in the file.
    pub number: u64,
    /// Index of the entity that it is a part of.
    pub entity: u32,
    /// How many corners it has, 1 to 4: one more than dimensions.
    pub corners: u8,
    /// The indices of its nodes; `u32::MAX` in the places it does not use.
    pub nodes: [u32; 4],
}

impl Element {
    /// Its nodes.
    pub fn corners(&self) -> &[u32] {
        &self.nodes[..usize::from(self.corners)]
    }
}

/// A physical group: a set of entities with a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Dimensions of its elements, 0 to 3.
    pub dim: u8,
    /// Its name, or its number if it has none.
    pub name: String,
}

impl Group {
    /// What its elements are, by dimensions.
    const KINDS: [&'static str; 4] = ["point", "curve", "surface", "volume"];

    fn kind(&self) -> &'static str {
        Group::KINDS[usize::from(self.dim).min(3)]
    }
}

impl Mesh {
    /// A mesh of triangles (`dim` 2) or tetrahedra (3) without groups.
    pub fn new(name: &str, dim: usize, points: Vec<[f64; 3]>, cells: &[Cell]) -> Mesh {
        let corners = dim as u8 + 1;
        let element = |(number, nodes): (u64, &Cell)| Element { number, entity: 0, corners, nodes: *nodes };
        Mesh {
            name: name.into(),
            node_numbers: (1..=points.len() as u64).collect(),
            points,
            elements: (1..).zip(cells).map(element).collect(),
            entities: vec![Vec::new()],
            groups: Vec::new(),
        }
    }

    /// The mesh in a file's bytes. Local.
    ///
    /// # Errors
    /// What is wrong with the file, with the line, the byte or the element.
    pub fn parse(name: &str, bytes: &[u8]) -> Result<Mesh> {
        gmsh::parse(name, bytes)
    }

    fn error(&self, what: impl std::fmt::Display) -> Error {
        Error::input(format!("{}: {what}", self.name))
    }
}

/// What is worth knowing of a mesh and of the problem on it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct MeshFacts {
    /// Nodes, each of them a row.
    pub nodes: u64,
    /// Cells.
    pub cells: u64,
    /// `triangles` or `tetrahedra`.
    pub cell_kind: &'static str,
    /// Nodes at which u is given.
    pub held_nodes: u64,
    /// The conditions in words.
    pub conditions: String,
    /// The physical groups, each with what it is made of: `left (curves), copper (surfaces)`.
    pub groups: String,
    /// Nodes of the file that no cell has: they are left out.
    pub orphans: u64,
}

/// The system of linear equations on a mesh, everything in even shares.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MeshProblem {
    /// Global number of nodes: the rows.
    pub n: u64,
    /// 2 for triangles, 3 for tetrahedra.
    pub dim: usize,
    /// This rank's even share of the rows, with the zeros beside rows in which u is given.
    pub rows: Rows,
    /// Of the right-hand side.
    pub load: Vec<f64>,
    /// u where it is given, 0 elsewhere: where a solve should begin.
    pub held: Vec<f64>,
    /// Where u is given.
    pub is_held: Vec<bool>,
    /// Where the nodes lie.
    pub points: Vec<[f64; 3]>,
    /// This rank's even share of the cells, by the numbers of their rows.
    pub cells: Vec<Cell>,
    /// The same on every rank.
    pub facts: MeshFacts,
}

/// True for the first bytes of a mesh file, and of no matrix.
pub(super) fn is_head(head: &[u8]) -> bool {
    head.starts_with(b"$")
}

/// Reads the file on rank 0 and assembles the system. Collective.
///
/// # Errors
/// What is wrong with the file, the mesh or the conditions; the same on every rank.
pub fn read(comm: &Comm, path: &Path, conditions: &Conditions) -> Result<MeshProblem> {
    let read = || {
        let bytes = std::fs::read(path).map_err(|cause| Error::io("read it", path, &cause))?;
        Mesh::parse(&path.display().to_string(), &bytes).map(Some)
    };
    let mesh = comm.agree(if comm.is_root() { read() } else { Ok(None) })?;
    assemble(comm, mesh, conditions, |_| 1.0)
}

/// The system on a mesh that rank 0 has; the others pass None. The source is that of the conditions times `shape` at the
/// cells' centres. Collective.
///
/// # Errors
/// What is wrong with the mesh or the conditions; the same on every rank.
pub fn assemble(
    comm: &Comm,
    mesh: Option<Mesh>,
    conditions: &Conditions,
    shape: impl Fn([f64; 3]) -> f64,
) -> Result<MeshProblem> {
    let model = comm.agree(mesh.map(|mesh| Model::new(mesh, conditions)).transpose())?;
    let numbers = model.as_ref().map_or([0; 5], |model| {
        let MeshFacts { nodes, cells, held_nodes, orphans, .. } = model.facts;
        [nodes, cells, held_nodes, orphans, model.dim as u64]
    });
    let words = |of: fn(&MeshFacts) -> &str| {
        let words = model.as_ref().map_or(Vec::new(), |model| of(&model.facts).as_bytes().to_vec());
        String::from_utf8(comm.broadcast(0, &words)).expect("rank 0 sent a string")
    };
    let (conditions, groups) = (words(|facts| &facts.conditions), words(|facts| &facts.groups));
    let [n, cell_count, held_nodes, orphans, dim] = comm.broadcast(0, &numbers).try_into().expect("five numbers");
    let dim = dim as usize;
    let facts = MeshFacts {
        nodes: n,
        cells: cell_count,
        cell_kind: if dim == 2 { "triangles" } else { "tetrahedra" },
        held_nodes,
        conditions,
        groups,
        orphans,
    };

    let of_root = |list: fn(&Model) -> &[f64]| deal(comm, n, model.as_ref().map(list));
    let held = of_root(|model| &model.held);
    let mut load = of_root(|model| &model.inflow);
    let points = deal(comm, n, model.as_ref().map(|model| &model.points[..]));
    let cells = deal(comm, cell_count, model.as_ref().map(|model| &model.cells[..]));
    let coefficients = deal(comm, cell_count, model.as_ref().map(|model| &model.coefficients[..]));
    drop(model);

    let share = EvenSplit { n, ranks: comm.size() }.share(comm.rank());
    let (rows, loads) = {
        let mut local = Local::new(comm, dim, n, &cells, &points, &held);
        local.assemble(&coefficients, shape);
        (local.matrix, local.load)
    };
    let (mut rows, _) = rows.into_rows();
    rows.sort();
    rows.add_repeated();
    for (row, _, value) in loads.into_entries() {
        load[row] += value;
    }
    for (k, row) in share.enumerate().filter(|(k, _)| !held[*k].is_nan()) {
        let (columns, values) = rows.row(k);
        let diagonal = columns.binary_search(&row).map_or(0.0, |at| values[at]);
        load[k] = diagonal * held[k];
    }
    let is_held = held.iter().map(|value| !value.is_nan()).collect();
    let held = held.into_iter().map(|value| if value.is_nan() { 0.0 } else { value }).collect();
    Ok(MeshProblem { n, dim, rows, load, held, is_held, points, cells, facts })
}

/// The cells of one rank with all that is needed of their nodes, and what they give.
struct Local<'a> {
    comm: &'a Comm,
    dim: usize,
    cells: &'a [Cell],
    /// The nodes of these cells, increasing; where they lie, and u where it is given.
    nodes: Vec<u64>,
    points: Vec<[f64; 3]>,
    held: Vec<f64>,
    matrix: Arrivals,
    load: Arrivals,
}

impl Local<'_> {
    /// Collective.
    fn new<'a>(comm: &'a Comm, dim: usize, n: u64, cells: &'a [Cell], points: &[[f64; 3]], held: &[f64]) -> Local<'a> {
        const BLOCK: usize = 1 << 14;
        let mut nodes: Vec<u64> = cells.iter().flat_map(|cell| &cell[..=dim]).map(|&node| node.into()).collect();
        nodes.sort_unstable();
        nodes.dedup();
        let arrivals = || {
            let mut arrivals = Arrivals::new(comm, n, BLOCK);
            // Ranks have the cells in their order.
            arrivals.begin(comm.rank() as u64);
            arrivals
        };
        Local {
            comm,
            dim,
            cells,
            points: fetch(comm, n, points, &nodes),
            held: fetch(comm, n, held, &nodes),
            nodes,
            matrix: arrivals(),
            load: arrivals(),
        }
    }

    /// Sends the entries of all cells on their way. Collective.
    fn assemble(&mut self, coefficients: &[[f64; 2]], shape: impl Fn([f64; 3]) -> f64) {
        /// Cells of a round.
        const ROUND: usize = 1 << 15;
        let rounds = self.comm.reduced(Op::Max, self.cells.len().div_ceil(ROUND) as u64);
        for round in 0..rounds as usize {
            let end = |round: usize| (round * ROUND).min(coefficients.len());
            let cells = end(round)..end(round + 1);
            for (cell, values) in self.cells[cells.clone()].iter().zip(&coefficients[cells]) {
                self.add_cell(cell, *values, &shape);
            }
            self.matrix.exchange();
            self.load.exchange();
        }
    }

    fn add_cell(&mut self, cell: &Cell, [k, f]: [f64; 2], shape: impl Fn([f64; 3]) -> f64) {
        let corners = &cell[..=self.dim];
        let place = |node: &u32| self.nodes.binary_search(&u64::from(*node)).expect("the nodes of all cells are here");
        let places: Vec<usize> = corners.iter().map(place).collect();
        let points: Vec<[f64; 3]> = places.iter().map(|&place| self.points[place]).collect();
        let matrix = stiffness(&points);
        let source = f * shape(centre(&points)) * measure(&points) / points.len() as f64;
        for (i, &row) in corners.iter().enumerate() {
            let row = u64::from(row);
            let is_held = !self.held[places[i]].is_nan();
            let mut load = source;
            for (j, &column) in corners.iter().enumerate() {
                let given = self.held[places[j]];
                let entry = k * matrix[i][j];
                let stays = i == j || (!is_held && given.is_nan());
                self.matrix.put(row, column.into(), if stays { entry } else { 0.0 }, 0);
                if !stays && !is_held {
                    load -= entry * given;
                }
            }
            if !is_held {
                self.load.put(row, 0, load, 0);
            }
        }
    }
}

#[cfg(test)]
mod tests;
