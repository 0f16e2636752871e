//! Entries on their way from the rank that read them to the holder of their row.

use super::{EvenSplit, Rows};
use crate::comm::{Comm, Op};
use std::ops::Range;

/// An entry: row << 32 | column, and the bits of its value.
type Entry = [u64; 2];

/// Entries of one layer, from pieces of the same order.
struct Block {
    order: u64,
    layer: usize,
    entries: Vec<Entry>,
}

/// Collects the entries of a matrix on the holders of their rows, a bounded number at a time. An entry lies in one of two
/// layers, which stay apart: those of the second are found after those of the first at the same place. Within a
/// layer, entries keep the order of the file, whoever read them.
pub(crate) struct Arrivals {
    comm: Comm,
    split: EvenSplit,
    mine: Range<u64>,
    /// Of the pieces that are being read.
    order: u64,
    /// Entries that stay here; when there are many they join the blocks that arrived.
    own: [Vec<Entry>; 2],
    block_entries: usize,
    /// Entries of this round for other ranks.
    outgoing: Vec<[Vec<Entry>; 2]>,
    /// The rank that the last of them goes to.
    last: usize,
    arrived: Vec<Block>,
}

impl Arrivals {
    /// For rows 0 ... n - 1 in even shares, at most 2³² of them; `block_entries` are allocated at a time.
    pub(crate) fn new(comm: &Comm, n: u64, block_entries: usize) -> Arrivals {
        assert!(n <= 1 << 32, "rows and columns are numbered with 32 bits on their way");
        let split = EvenSplit { n, ranks: comm.size() };
        Arrivals {
            comm: comm.clone(),
            split,
            mine: split.share(comm.rank()),
            order: 0,
            own: Default::default(),
            block_entries: block_entries.max(1),
            outgoing: if comm.size() > 1 { vec![Default::default(); comm.size()] } else { Vec::new() },
            last: 0,
            arrived: Vec::new(),
        }
    }

    /// Takes an entry on its way.
    #[inline(always)]
    pub(crate) fn put(&mut self, row: u64, column: u64, value: f64, layer: usize) {
        let entry = [row << 32 | column, value.to_bits()];
        if self.mine.contains(&row) {
            if self.own[layer].len() == self.own[layer].capacity() {
                self.begin_block(layer);
            }
            self.own[layer].push(entry);
        } else {
            self.put_elsewhere(row, entry, layer);
        }
    }

    #[cold]
    fn begin_block(&mut self, layer: usize) {
        self.keep_own(layer);
        self.own[layer].reserve_exact(self.block_entries);
    }

    fn keep_own(&mut self, layer: usize) {
        let mut entries = std::mem::take(&mut self.own[layer]);
        if !entries.is_empty() {
            entries.shrink_to_fit();
            self.arrived.push(Block { order: self.order, layer, entries });
        }
    }

    fn put_elsewhere(&mut self, row: u64, entry: Entry, layer: usize) {
        if !self.split.share(self.last).contains(&row) {
            self.last = self.split.holder(row);
        }
        self.outgoing[self.last][layer].push(entry);
    }

    /// What is put from now on comes from pieces of the file of this order. Only after an exchange.
    pub(crate) fn begin(&mut self, order: u64) {
        if order != self.order {
            self.keep_own(0);
            self.keep_own(1);
            self.order = order;
        }
    }

    /// Ends a round: what was put since the last one travels. Collective.
    pub(crate) fn exchange(&mut self) {
        if self.comm.size() == 1 {
            return;
        }
        let used = [0, 1].map(|layer| u64::from(self.outgoing.iter().any(|of| !of[layer].is_empty())));
        // The second layer is seldom used.
        for layer in 0..=self.comm.reduced(Op::Max, used[1]) as usize {
            let filled = self.outgoing.iter_mut().enumerate().filter(|(_, of)| !of[layer].is_empty());
            let messages = filled.map(|(rank, of)| {
                let mut entries = std::mem::take(&mut of[layer]);
                entries.push([self.order, 0]);
                (rank, entries)
            });
            for (_, mut entries) in self.comm.sparse_exchange(messages.collect()) {
                let [order, _] = entries.pop().expect("the order comes last");
                self.arrived.push(Block { order, layer, entries });
            }
        }
    }

    /// Forgets what was put.
    pub(crate) fn clear(&mut self) {
        self.arrived.clear();
        self.own = Default::default();
    }

    /// What arrived, in the order of the file.
    fn into_blocks(mut self) -> Vec<Block> {
        self.keep_own(0);
        self.keep_own(1);
        self.arrived.sort_by_key(|block| block.order);
        self.arrived
    }

    /// What arrived, in the order of the file: row here, column, value.
    pub(crate) fn into_entries(self) -> impl Iterator<Item = (usize, u64, f64)> {
        let first = self.mine.start;
        self.into_blocks()
            .into_iter()
            .flat_map(|block| block.entries)
            .map(move |[place, value]| (((place >> 32) - first) as usize, place & 0xffff_ffff, f64::from_bits(value)))
    }

    /// The even share as rows in which duplicates and layers still lie side by side, in the order of the file; and whether
    /// there is a second layer here: then columns are 2 column + layer.
    pub(crate) fn into_rows(self) -> (Rows, bool) {
        let numbers: Vec<u64> = self.mine.clone().collect();
        let first = self.mine.start;
        let row_of = |place: u64| ((place >> 32) - first) as usize;
        let blocks = self.into_blocks();
        let has_layers = blocks.iter().any(|block| block.layer == 1);
        // starts[row + 2] counts a row; then starts[row + 1] is where its next entry goes, in the end its end.
        let mut starts = vec![0usize; numbers.len() + 2];
        for [place, _] in blocks.iter().flat_map(|block| &block.entries) {
            starts[row_of(*place) + 2] += 1;
        }
        for row in 1..starts.len() {
            starts[row] += starts[row - 1];
        }
        let entries = starts[starts.len() - 1];
        let (mut columns, mut values) = (vec![0u64; entries], vec![0.0; entries]);
        for block in blocks {
            for [place, value] in block.entries {
                let at = &mut starts[row_of(place) + 1];
                columns[*at] = (place & 0xffff_ffff) << u32::from(has_layers) | block.layer as u64;
                values[*at] = f64::from_bits(value);
                *at += 1;
            }
        }
        starts.pop();
        (Rows { numbers, starts, columns, values }, has_layers)
    }
}
