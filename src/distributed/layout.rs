//! The rows of one rank: their original numbers, and the local numbering.

use super::halo::HaloPlan;
use super::ordering::Ordering;
use super::places::Places;
use crate::comm::Comm;
use crate::partition::{Owners, group_by};
use crate::problem::{EvenSplit, Rows, Stencil};
use std::ops::Range;
use std::rc::Rc;

/// Which rows this rank owns, and in which order its vectors hold them: first the interior rows,
/// which touch owned columns only, then the boundary rows, which touch ghosts.
#[derive(Clone)]
pub struct Layout {
    comm: Comm,
    n: u64,
    rows: Rc<[u64]>,
    interior: usize,
    is_reordered: bool,
}

impl Layout {
    /// Contiguous even shares, no halo: for operators that bring their own communication.
    pub fn even(comm: &Comm, n: u64) -> Layout {
        Layout::contiguous(comm, n, EvenSplit { n, ranks: comm.size() }.share(comm.rank()))
    }

    /// A block of consecutive rows per rank, which together are all `n`; no halo.
    pub fn contiguous(comm: &Comm, n: u64, rows: Range<u64>) -> Layout {
        let rows: Rc<[u64]> = rows.collect();
        Layout { comm: comm.clone(), n, interior: rows.len(), rows, is_reordered: false }
    }

    /// The communicator.
    pub fn comm(&self) -> &Comm {
        &self.comm
    }

    /// The same layout for another end of the same communication.
    pub fn with_comm(&self, comm: Comm) -> Layout {
        Layout { comm, ..self.clone() }
    }

    /// Global number of rows.
    pub fn n(&self) -> u64 {
        self.n
    }

    /// Rows owned by this rank: the length of its part of every vector.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// True on a rank without rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Original number of each owned row.
    pub fn rows(&self) -> &[u64] {
        &self.rows
    }

    /// True if the rows of each kind are not in the order of their original numbers.
    pub fn is_reordered(&self) -> bool {
        self.is_reordered
    }

    /// How many of the owned rows are interior; they come first.
    pub fn interior(&self) -> usize {
        self.interior
    }
}

/// A rank's rows with local columns: `0 .. layout.len()` are owned, from there on ghosts in the
/// order of the halo plan. Entries stay in the order of the *original* columns, so that a row sum
/// does not depend on the partition.
#[derive(Clone, Debug, Default)]
pub struct LocalRows {
    /// Where each row starts in `columns` and `values`; one more entry than rows.
    pub starts: Vec<usize>,
    /// Local columns.
    pub columns: Vec<u32>,
    /// The entries.
    pub values: Vec<f64>,
}

impl LocalRows {
    /// Columns and values of row `row`.
    pub fn row(&self, row: usize) -> (&[u32], &[f64]) {
        let entries = self.starts[row]..self.starts[row + 1];
        (&self.columns[entries.clone()], &self.values[entries])
    }

    /// The same, entry by entry.
    pub fn entries(&self, row: usize) -> impl Iterator<Item = (u32, f64)> + '_ {
        let (columns, values) = self.row(row);
        columns.iter().copied().zip(values.iter().copied())
    }

    /// No rows yet.
    pub fn new() -> LocalRows {
        LocalRows { starts: vec![0], ..LocalRows::default() }
    }

    /// Appends a row.
    pub fn push(&mut self, entries: impl Iterator<Item = (u32, f64)>) {
        for (column, value) in entries {
            self.columns.push(column);
            self.values.push(value);
        }
        self.starts.push(self.columns.len());
    }
}

/// The rows that one rank owns, in global numbers: held in memory, or written down when asked for.
pub trait OwnedRows {
    /// Their numbers, increasing.
    fn numbers(&self) -> &[u64];

    /// The entries of the `k`-th of them, columns increasing.
    fn entries(&self, k: usize) -> impl Iterator<Item = (u64, f64)>;
}

impl OwnedRows for Rows {
    fn numbers(&self) -> &[u64] {
        &self.numbers
    }

    fn entries(&self, k: usize) -> impl Iterator<Item = (u64, f64)> {
        let (columns, values) = self.row(k);
        columns.iter().copied().zip(values.iter().copied())
    }
}

/// Rows of a grid by formula: nothing but their numbers is held.
pub struct StencilRows {
    /// The grid.
    pub stencil: Stencil,
    /// The rows, increasing.
    pub numbers: Vec<u64>,
}

impl OwnedRows for StencilRows {
    fn numbers(&self) -> &[u64] {
        &self.numbers
    }

    fn entries(&self, k: usize) -> impl Iterator<Item = (u64, f64)> {
        self.stencil.entries(self.numbers[k])
    }
}

/// Numbers the owned rows locally and finds the halo. `interior` and `boundary` get the rows of either
/// kind in local order, with local columns; `ordering` says which order that is. Collective; every message goes to a rank that holds or
/// owns a row needed here.
///
/// # Panics
/// If a rank owns 2³² rows and ghosts or more.
pub fn localize(
    comm: &Comm,
    n: u64,
    owned: &impl OwnedRows,
    owners: &Owners,
    ordering: Ordering,
    mut interior: impl FnMut(&[(u32, f64)]),
    mut boundary: impl FnMut(&[(u32, f64)]),
) -> (Layout, HaloPlan) {
    let numbers = owned.numbers();
    // Ghosts: columns whose row is not here, by owner and then by number. Rows that touch one are boundary rows.
    let mut places = Places::new(numbers);
    let permutation = ordering.permutation(owned);
    let (mut ghosts, mut boundary_rows, mut order) = (Vec::new(), Vec::new(), Vec::new());
    for k in 0..numbers.len() {
        let k = permutation.as_ref().map_or(k, |rows| rows[k] as usize);
        let before = ghosts.len();
        let columns = owned.entries(k).map(|(column, _)| column).enumerate();
        ghosts.extend(columns.filter(|&(entry, column)| places.of(entry, column).is_none()).map(|(_, column)| column));
        // Interior rows first; each kind in the order of the permutation, which keeps its locality.
        if ghosts.len() > before { &mut boundary_rows } else { &mut order }.push(k);
    }
    let interior_rows = order.len();
    order.append(&mut boundary_rows);
    ghosts.sort_unstable();
    ghosts.dedup();
    let ghost_owners = owners.of(comm, &ghosts);
    let mut by_owner: Vec<(usize, u64)> = ghost_owners.into_iter().zip(ghosts).collect();
    by_owner.sort_unstable();
    assert!(numbers.len() + by_owner.len() < u32::MAX as usize, "a rank's rows and ghosts are numbered with 32 bits");

    let mut ghost_places: Vec<(u64, u32)> =
        by_owner.iter().enumerate().map(|(k, &(_, ghost))| (ghost, (numbers.len() + k) as u32)).collect();
    ghost_places.sort_unstable();
    let mut place = vec![0u32; numbers.len()];
    for (local, &k) in order.iter().enumerate() {
        place[k] = local as u32;
    }
    let mut local_column = |entry: usize, column: u64| match places.of(entry, column) {
        Some(k) => place[k],
        None => {
            let k = ghost_places.binary_search_by_key(&column, |&(ghost, _)| ghost);
            ghost_places[k.expect("a column is owned or a ghost")].1
        }
    };
    let mut row = Vec::new();
    for (local, &k) in order.iter().enumerate() {
        row.clear();
        let entries = owned.entries(k).enumerate();
        row.extend(entries.map(|(entry, (column, value))| (local_column(entry, column), value)));
        if local < interior_rows { interior(&row) } else { boundary(&row) }
    }

    // Ask each owner for its rows; what others ask of this rank is what it sends.
    let (requests, _) = group_by(by_owner);
    let receive = requests.iter().map(|(owner, ghosts)| (*owner, ghosts.len())).collect();
    let place_of = |row: u64| place[numbers.binary_search(&row).expect("only the owner is asked for a row")];
    let send = comm
        .sparse_exchange(requests)
        .into_iter()
        .map(|(rank, rows)| (rank, rows.into_iter().map(place_of).collect()))
        .collect();
    let rows = order.iter().map(|&k| numbers[k]).collect();
    let layout = Layout { comm: comm.clone(), n, rows, interior: interior_rows, is_reordered: permutation.is_some() };
    (layout, HaloPlan { send, receive })
}
