//! A global sum by recursive doubling over messages between pairs of ranks.
//!
//! With P a power of two: in step k each rank exchanges what it has with the rank whose number
//! differs in bit k, and adds. After log₂ P steps every rank has everything. Otherwise the first
//! ranks come in pairs, of which the even one hands its words to the odd one before and gets the
//! sums after: two messages more on the way.
//!
//! *Rounding.* The rank with the lower number always stands first: both ends of an exchange form
//! first + second with the same operands in the same order, so by induction all ranks that have
//! added the same parts have the same bits, and the result is the balanced binary tree over the ranks
//! (over pairs and single ranks, where P is no power of two).
//!
//! *Progress.* A step is taken when somebody looks: [`Doubling::poll`]. All receives are posted at the
//! start. Between two ranks there is one message per sum and direction at most, and MPI keeps the
//! order of messages of one tag: sums that follow each other are not mixed up.

use super::{Words, World, give_way};
use crate::comm::engine::Addition;
use mpi::ffi;
use mpi::traits::*;
use std::os::raw::{c_int, c_void};
use std::rc::Rc;

/// Between those of the sparse exchange and of the channels.
const TAG: c_int = 3;

/// One message, or one exchange, of a rank.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Send {
        to: usize,
    },
    /// What arrives is the result.
    Take {
        from: usize,
    },
    /// What arrives is put before what is here.
    Add {
        from: usize,
    },
    Exchange {
        with: usize,
    },
}

impl Step {
    fn sends_to(self) -> Option<usize> {
        match self {
            Step::Send { to: peer } | Step::Exchange { with: peer } => Some(peer),
            Step::Take { .. } | Step::Add { .. } => None,
        }
    }

    fn receives_from(self) -> Option<usize> {
        match self {
            Step::Take { from: peer } | Step::Add { from: peer } | Step::Exchange { with: peer } => Some(peer),
            Step::Send { .. } => None,
        }
    }
}

/// What `rank` does in a sum over `size` ranks.
fn steps(rank: usize, size: usize) -> Vec<Step> {
    let members = 1 << size.ilog2();
    let pairs = size - members;
    let is_paired = rank < 2 * pairs;
    if is_paired && rank.is_multiple_of(2) {
        return vec![Step::Send { to: rank + 1 }, Step::Take { from: rank + 1 }];
    }
    let member = if is_paired { rank / 2 } else { rank - pairs };
    let rank_of = |member| if member < pairs { 2 * member + 1 } else { member + pairs };
    let exchanges = (0..size.ilog2()).map(|bit| Step::Exchange { with: rank_of(member ^ (1 << bit)) });
    let before = is_paired.then(|| Step::Add { from: rank - 1 });
    let after = is_paired.then(|| Step::Send { to: rank - 1 });
    before.into_iter().chain(exchanges).chain(after).collect()
}

/// `next` = what `rank` has after a step that it began with `mine` and in which `theirs` arrived.
fn combine(step: Step, rank: usize, mine: &[f64], theirs: &[f64], next: &mut [f64], add: Addition) {
    let (first, second) = match step {
        Step::Send { .. } => return next.copy_from_slice(mine),
        Step::Take { .. } => return next.copy_from_slice(theirs),
        Step::Exchange { with } if rank < with => (mine, theirs),
        Step::Exchange { .. } | Step::Add { .. } => (theirs, mine),
    };
    next.copy_from_slice(first);
    add.add(next, second);
}

/// The one sum in flight; nothing is allocated unless it has more words than any before.
pub(super) struct Doubling {
    world: Rc<World>,
    steps: Vec<Step>,
    /// `values[i * room..]`: what this rank has when step i begins, and is to be sent.
    values: Words,
    /// `arrivals[i * room..]`: what arrives in step i.
    arrivals: Words,
    /// Words in a row of either.
    room: usize,
    len: usize,
    add: Addition,
    /// The step to be taken, and whether its message has been sent.
    at: usize,
    is_sent: bool,
    /// Of each step; MPI_REQUEST_NULL where there is none.
    sends: Vec<ffi::MPI_Request>,
    receives: Vec<ffi::MPI_Request>,
    in_flight: bool,
}

impl Doubling {
    pub(super) fn new(world: Rc<World>) -> Doubling {
        let steps = steps(world.comm.rank() as usize, world.comm.size() as usize);
        // SAFETY: reads a constant of the library.
        let none = vec![unsafe { ffi::RSMPI_REQUEST_NULL }; steps.len()];
        let (values, arrivals) = (Words::new(0), Words::new(0));
        let (sends, receives) = (none.clone(), none);
        let add = Addition::Numbers;
        let (at, is_sent, in_flight) = (0, false, false);
        Doubling { world, steps, values, arrivals, room: 0, len: 0, add, at, is_sent, sends, receives, in_flight }
    }

    pub(super) fn start(&mut self, words: &[f64], add: Addition) {
        assert!(!self.in_flight, "only one sum may be in flight");
        if words.len() > self.room {
            self.room = words.len().max(16);
            self.values = Words::new((self.steps.len() + 1) * self.room);
            self.arrivals = Words::new(self.steps.len() * self.room);
        }
        (self.len, self.add, self.at, self.is_sent, self.in_flight) = (words.len(), add, 0, false, true);
        // SAFETY: no request is active: `finish` and `drop` complete all of a sum.
        let values = unsafe { self.values.get_mut() };
        values[..words.len()].copy_from_slice(words);
        let (count, comm) = (self.count(), self.world.comm.as_raw());
        for (i, step) in self.steps.iter().enumerate() {
            let Some(from) = step.receives_from() else { continue };
            // SAFETY: row i of the arrivals holds `room >= count` words; nobody touches it before this
            // request is complete, which `finish` and `drop` wait for. MPI writes the handle.
            unsafe {
                let start = self.arrivals.start.add(i * self.room).cast::<c_void>();
                let request = &mut self.receives[i];
                ffi::MPI_Irecv(start, count, ffi::RSMPI_DOUBLE, from as c_int, TAG, comm, request);
            }
        }
        self.poll();
    }

    fn count(&self) -> c_int {
        c_int::try_from(self.len).expect("a sum has fewer than 2^31 words")
    }

    /// Goes as far as messages have arrived; true when the sum is there and all messages are gone, or none is in flight.
    pub(super) fn poll(&mut self) -> bool {
        if !self.in_flight {
            return true;
        }
        while let Some(&step) = self.steps.get(self.at) {
            if !self.is_sent {
                self.send(step);
            }
            if !is_complete(&mut self.receives[self.at..=self.at]) {
                return false;
            }
            let rank = self.world.comm.rank() as usize;
            let (here, next) = (self.at * self.room, (self.at + 1) * self.room);
            // SAFETY: rows are disjoint, each `room >= len` words long and inside its buffer (there is a
            // row of values more than steps). The arrival of this step is complete. Row `here` may still
            // be read by a send, which is no write; row `next` has not been sent yet.
            let (mine, theirs, sum) = unsafe {
                (
                    std::slice::from_raw_parts(self.values.start.add(here), self.len),
                    std::slice::from_raw_parts(self.arrivals.start.add(here), self.len),
                    std::slice::from_raw_parts_mut(self.values.start.add(next), self.len),
                )
            };
            combine(step, rank, mine, theirs, sum, self.add);
            self.at += 1;
            self.is_sent = false;
        }
        is_complete(&mut self.sends)
    }

    fn send(&mut self, step: Step) {
        self.is_sent = true;
        let Some(to) = step.sends_to() else { return };
        let (count, comm) = (self.count(), self.world.comm.as_raw());
        // SAFETY: row `at` of the values holds `room >= count` words and is not written again before
        // this request is complete, which `finish` and `drop` wait for. MPI writes the handle.
        unsafe {
            let start = self.values.start.add(self.at * self.room).cast::<c_void>();
            let request = &mut self.sends[self.at];
            ffi::MPI_Isend(start, count, ffi::RSMPI_DOUBLE, to as c_int, TAG, comm, request);
        }
    }

    pub(super) fn finish(&mut self, words: &mut [f64]) {
        assert!(self.in_flight, "start a sum before finishing it");
        assert_eq!(words.len(), self.len, "a sum is finished with as many words as it was started with");
        self.complete();
        let last = self.steps.len() * self.room;
        // SAFETY: all requests are complete.
        words.copy_from_slice(&unsafe { self.values.get() }[last..last + self.len]);
    }

    fn complete(&mut self) {
        let mut polls = 0;
        while !self.poll() {
            give_way(&mut polls);
        }
        self.in_flight = false;
    }
}

/// Whether all of these requests are complete. Does not wait.
fn is_complete(requests: &mut [ffi::MPI_Request]) -> bool {
    let mut done = 0;
    // SAFETY: the requests are active ones of this sum, or MPI_REQUEST_NULL; start and count describe the slice.
    unsafe {
        let (count, start) = (requests.len() as c_int, requests.as_mut_ptr());
        ffi::MPI_Testall(count, start, &mut done, ffi::RSMPI_STATUSES_IGNORE);
    }
    done != 0
}

impl Drop for Doubling {
    fn drop(&mut self) {
        if !self.in_flight {
            return;
        }
        if std::thread::panicking() {
            // Other ranks may never come: do not wait, and leave MPI its memory.
            self.values.leak();
            self.arrivals.leak();
            return;
        }
        self.complete();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All ranks take their steps as messages allow; the sums of one word per rank.
    fn simulate(mine: &[f64]) -> Vec<f64> {
        let size = mine.len();
        let plans: Vec<Vec<Step>> = (0..size).map(|rank| steps(rank, size)).collect();
        let mut values: Vec<f64> = mine.to_vec();
        let mut at = vec![(0, false); size];
        let mut mail = std::collections::HashMap::new();
        while at.iter().zip(&plans).any(|((at, _), plan)| *at < plan.len()) {
            let mut moved = false;
            for rank in 0..size {
                let Some(&step) = plans[rank].get(at[rank].0) else { continue };
                if !at[rank].1 {
                    at[rank].1 = true;
                    if let Some(to) = step.sends_to() {
                        assert_eq!(mail.insert((rank, to), values[rank]), None, "one message per sum and direction");
                        moved = true;
                    }
                }
                let arrived = match step.receives_from() {
                    None => 0.0,
                    Some(from) => match mail.get(&(from, rank)) {
                        None => continue,
                        Some(&word) => word,
                    },
                };
                let mut next = [0.0];
                combine(step, rank, &[values[rank]], &[arrived], &mut next, Addition::Numbers);
                (values[rank], at[rank], moved) = (next[0], (at[rank].0 + 1, false), true);
            }
            assert!(moved, "{size} ranks wait for each other");
        }
        values
    }

    /// The balanced tree, over the first ranks in pairs where there are too many.
    fn tree(mine: &[f64]) -> f64 {
        let members = 1 << mine.len().ilog2();
        let pairs = mine.len() - members;
        let (paired, single) = mine.split_at(2 * pairs);
        let mut level: Vec<f64> =
            paired.chunks(2).map(|pair| pair[0] + pair[1]).chain(single.iter().copied()).collect();
        while level.len() > 1 {
            level = level.chunks(2).map(|pair| pair[0] + pair[1]).collect();
        }
        level[0]
    }

    #[test]
    fn every_rank_gets_the_bits_of_the_tree() {
        for size in 1..=70 {
            let mine: Vec<f64> = (0..size).map(|rank| 1.0 / (rank as f64 + 3.0)).collect();
            let expected = tree(&mine);
            assert!(simulate(&mine).iter().all(|sum| sum.to_bits() == expected.to_bits()), "{size} ranks");
        }
    }

    #[test]
    fn as_few_steps_as_can_be() {
        for (size, longest) in [(1, 0), (2, 1), (3, 3), (4, 2), (7, 4), (8, 3), (1000, 11), (1024, 10)] {
            assert_eq!((0..size).map(|rank| steps(rank, size).len()).max(), Some(longest), "{size} ranks");
        }
    }
}
