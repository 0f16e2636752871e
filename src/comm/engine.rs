//! What every engine must be able to do. [`Comm`](super::Comm) is the face the rest of the crate sees.

use crate::binned::merge_words;

/// The primitives of one rank. All methods but `rank`, `size`, `describe`, `clock_seconds` and
/// `abort` are collective: every rank calls them in the same order.
pub(super) trait Engine {
    fn rank(&self) -> usize;
    fn size(&self) -> usize;

    /// For people: which engine, which library.
    fn describe(&self) -> String;

    /// Seconds since some fixed moment in the past, by the clock that belongs to the engine.
    fn clock_seconds(&self) -> f64;

    /// How sums travel.
    fn sum_algorithm(&self) -> SumAlgorithm;

    /// Has sums travel this way from now on; false if this engine cannot. No sum is in flight.
    fn use_sum_algorithm(&self, algorithm: SumAlgorithm) -> bool {
        algorithm == self.sum_algorithm()
    }

    /// Starts the sum of `words` over all ranks, added up as said. At most one is in flight.
    fn start_sum(&self, words: &[f64], addition: Addition);

    /// Lets the sum in flight advance; true once it is complete. Never blocks.
    fn poll_sum(&self) -> bool;

    /// Waits for the sum in flight and writes it to `words`.
    fn finish_sum(&self, words: &mut [f64]);

    /// Blocking reduction for set-up and reports.
    fn reduce_u64(&self, op: Op, words: &mut [u64]);

    /// Blocking reduction for set-up and reports.
    fn reduce_f64(&self, op: Op, words: &mut [f64]);

    /// `bytes` of rank `root` arrive at every rank, whatever these held before.
    fn broadcast(&self, root: usize, bytes: &mut Vec<u8>);

    /// Each rank sends messages to ranks of its choice (at most one to each, itself included)
    /// and receives those meant for it, by source. Nobody knows beforehand who will write, and no
    /// rank pays for ranks it does not talk to.
    fn sparse_exchange(&self, outgoing: Vec<Message>) -> Vec<Message>;

    /// A persistent exchange; see [`Channel`].
    fn channel(&self, sends: &[Part], receives: &[Part]) -> Box<dyn Channel>;

    /// Ends the whole job at once.
    fn abort(&self, code: i32) -> !;
}

/// Bytes to or from a rank.
pub(super) type Message = (usize, Vec<u8>);

/// Consecutive words of a buffer that go to, or come from, one neighbour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// The neighbour.
    pub rank: usize,
    /// How many f64 words.
    pub words: usize,
}

/// How the words of a sum are added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Addition {
    /// Each is a number.
    #[default]
    Numbers,
    /// Every few of them are a [`Binned`](crate::binned::Binned).
    Binned,
}

impl Addition {
    /// Adds words to words.
    pub(super) fn add(self, sums: &mut [f64], words: &[f64]) {
        match self {
            Addition::Numbers => sums.iter_mut().zip(words).for_each(|(sum, word)| *sum += word),
            Addition::Binned => merge_words(sums, words),
        }
    }
}

/// How a global sum travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SumAlgorithm {
    /// One rank has nothing to send.
    None,
    /// Ranks that are threads read each other's words.
    SharedMemory,
    /// As the MPI library chooses: MPI_Iallreduce.
    Mpi,
    /// Recursive doubling over this crate's own messages between pairs of ranks.
    RecursiveDoubling,
}

impl SumAlgorithm {
    /// The name in options and reports.
    pub fn name(self) -> &'static str {
        match self {
            SumAlgorithm::None => "none",
            SumAlgorithm::SharedMemory => "shared-memory",
            SumAlgorithm::Mpi => "mpi",
            SumAlgorithm::RecursiveDoubling => "recursive-doubling",
        }
    }
}

/// How reduced values combine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Op {
    /// The sum over ranks.
    Sum,
    /// The least value.
    Min,
    /// The greatest value.
    Max,
}

/// A persistent exchange of messages of fixed length with fixed neighbours, started again and
/// again. One message per neighbour and start; nothing is allocated after construction.
pub trait Channel {
    /// The words to send, neighbour after neighbour. Not to be touched between
    /// [`start`](Channel::start) and [`finish`](Channel::finish).
    fn send_buffer(&mut self) -> &mut [f64];

    /// Posts the receives and sends what the buffer holds. Does not wait.
    fn start(&mut self);

    /// Waits for all messages of this start; returns the received words, neighbour after neighbour.
    fn finish(&mut self) -> &[f64];

    /// The words received by the last finished exchange.
    fn received(&self) -> &[f64];
}
