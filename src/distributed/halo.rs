//! The exchange of ghosts: the plan (facts) and the halo (buffers and requests).

use crate::comm::{Channel, Comm, Part, Phase};
use crate::partition::{Owners, group_by};
use std::ops::Range;

/// Who needs which of this rank's rows, and whose rows it needs. Neighbours in increasing order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HaloPlan {
    /// For each neighbour that reads from here: the local rows to send, in the order of its ghosts.
    pub send: Vec<(usize, Vec<u32>)>,
    /// For each neighbour read from: how many ghosts it sends. Ghosts land one neighbour after another.
    pub receive: Vec<(usize, usize)>,
}

impl HaloPlan {
    /// For blocks of consecutive rows of `n`, this rank's being `mine`, when it reads the rows `ghosts` of other ranks.
    /// Collective; every message goes to a rank that holds or owns a row needed here.
    ///
    /// # Panics
    /// If the ghosts do not increase, or some of them are owned here.
    pub fn contiguous(comm: &Comm, n: u64, mine: Range<u64>, ghosts: &[u64]) -> HaloPlan {
        assert!(ghosts.is_sorted_by(|a, b| a < b), "the numbers of ghosts increase");
        assert!(!ghosts.iter().any(|ghost| mine.contains(ghost)), "a ghost belongs to another rank");
        let owners = Owners::contiguous(comm, n, mine.clone()).of(comm, ghosts);
        let (requests, _) = group_by(owners.into_iter().zip(ghosts.iter().copied()));
        let receive = requests.iter().map(|(owner, ghosts)| (*owner, ghosts.len())).collect();
        let place_of = |row: u64| (row - mine.start) as u32;
        let asked = comm.sparse_exchange(requests).into_iter();
        HaloPlan { send: asked.map(|(rank, rows)| (rank, rows.into_iter().map(place_of).collect())).collect(), receive }
    }

    /// How many ghost rows this rank has.
    pub fn ghosts(&self) -> usize {
        self.receive.iter().map(|(_, rows)| rows).sum()
    }

    /// How many rows this rank sends, counted once per neighbour.
    pub fn sent_rows(&self) -> usize {
        self.send.iter().map(|(_, rows)| rows.len()).sum()
    }
}

/// The buffers and requests of an exchange of K values per row, K fixed at construction.
///
/// Ghost values stay in here; vectors hold owned rows only.
pub struct Halo<const K: usize> {
    comm: Comm,
    send_rows: Vec<u32>,
    messages: usize,
    ghosts: usize,
    channel: Box<dyn Channel>,
}

impl<const K: usize> Halo<K>
where
    [f64; K]: bytemuck::Pod,
{
    /// Makes the requests. Collective.
    pub fn new(comm: &Comm, plan: &HaloPlan) -> Halo<K> {
        let part = |rank, rows| Part { rank, words: K * rows };
        let sends: Vec<Part> = plan.send.iter().map(|(rank, rows)| part(*rank, rows.len())).collect();
        let receives: Vec<Part> = plan.receive.iter().map(|&(rank, rows)| part(rank, rows)).collect();
        Halo {
            comm: comm.clone(),
            send_rows: plan.send.iter().flat_map(|(_, rows)| rows.iter().copied()).collect(),
            messages: sends.len(),
            ghosts: plan.ghosts(),
            channel: comm.channel(&sends, &receives),
        }
    }

    /// How many ghost rows arrive.
    pub fn ghosts(&self) -> usize {
        self.ghosts
    }

    /// Sends the boundary rows of `x` (owned rows) on their way.
    pub fn start(&mut self, x: &[[f64; K]]) {
        let Halo { comm, send_rows, messages, channel, .. } = self;
        comm.timed(Phase::Exchange, || {
            let packed: &mut [[f64; K]] = bytemuck::cast_slice_mut(channel.send_buffer());
            for (to, &row) in packed.iter_mut().zip(send_rows.iter()) {
                *to = x[row as usize];
            }
            channel.start();
        });
        comm.profile().count(|counts| {
            counts.messages += *messages as u64;
            counts.message_words += (K * send_rows.len()) as u64;
        });
    }

    /// Waits for the neighbours; returns the ghosts' values, in the order of the plan.
    pub fn finish(&mut self) -> &[[f64; K]] {
        let Halo { comm, channel, .. } = self;
        bytemuck::cast_slice(comm.timed(Phase::Exchange, || channel.finish()))
    }

    /// The ghosts' values of the last exchange, which is finished.
    pub fn ghost_values(&self) -> &[[f64; K]] {
        bytemuck::cast_slice(self.channel.received())
    }
}
