//! P ranks as threads of one process: the engine of a laptop without MPI, and of the tests.
//!
//! Sums and halo messages are single-writer mailboxes with a round counter: the writer fills its
//! slot and then publishes the round, readers wait for the round and then read. Two slots per
//! mailbox, used in turn, keep a fast writer from overwriting what a slow reader still needs.
//! A rank that panics poisons the team, so that the others panic instead of waiting for ever.

use super::engine::{Addition, Channel, Engine, Message, Op, Part, SumAlgorithm};
use crate::memory;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, RwLock};
use std::time::{Duration, Instant};

/// What the ranks of one team share.
pub(super) struct Team {
    size: usize,
    /// With fewer processors than ranks, a spinning rank would keep the one it waits for off the processor.
    spins: u32,
    origin: Instant,
    poisoned: AtomicBool,
    barrier: Barrier,
    sums: Vec<SumSlots>,
    gathered: Mutex<Vec<Vec<u8>>>,
    mail: Vec<Mutex<Vec<Message>>>,
    lanes: Mutex<HashMap<LaneKey, Arc<Lane>>>,
}

/// Writer, reader, and which of the channels made so far.
type LaneKey = (usize, usize, u64);

struct SumSlots {
    published: AtomicU64,
    words: [RwLock<Vec<f64>>; 2],
}

/// Messages from one rank to another on one channel.
struct Lane {
    sent: AtomicU64,
    taken: AtomicU64,
    words: [RwLock<Vec<f64>>; 2],
}

#[derive(Default)]
struct Barrier {
    state: Mutex<(usize, u64)>,
    turned: Condvar,
}

impl Team {
    /// Lets ranks that wait for others give up.
    pub(super) fn poison(&self) {
        self.poisoned.store(true, Ordering::Relaxed);
    }

    pub(super) fn new(size: usize) -> Arc<Team> {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Arc::new(Team {
            size,
            spins: if size <= processors { 20_000 } else { 0 },
            origin: Instant::now(),
            poisoned: AtomicBool::new(false),
            barrier: Barrier::default(),
            sums: (0..size).map(|_| SumSlots { published: AtomicU64::new(0), words: Default::default() }).collect(),
            gathered: Mutex::new(vec![Vec::new(); size]),
            mail: (0..size).map(|_| Mutex::default()).collect(),
            lanes: Mutex::default(),
        })
    }

    fn check(&self) {
        if self.poisoned.load(Ordering::Relaxed) {
            // Not a second report of the same failure: the rank that broke has already said why.
            std::panic::resume_unwind(Box::new(Echo));
        }
    }

    /// Waits until `counter` reaches `round`: spins first, then yields, then naps.
    fn await_round(&self, counter: &AtomicU64, round: u64) {
        for _ in 0..self.spins {
            if counter.load(Ordering::Acquire) >= round {
                return;
            }
            std::hint::spin_loop();
        }
        let mut tries = 0u32;
        while counter.load(Ordering::Acquire) < round {
            self.check();
            tries += 1;
            if tries < 1000 {
                std::thread::yield_now();
            } else {
                std::thread::sleep(Duration::from_micros(20));
            }
        }
    }

    pub(super) fn wait_for_all(&self) {
        let mut state = self.barrier.state.lock().unwrap();
        let turn = state.1;
        state.0 += 1;
        if state.0 == self.size {
            *state = (0, turn + 1);
            self.barrier.turned.notify_all();
        }
        while state.1 == turn {
            // The time limit lets a rank notice that another one will never come.
            state = self.barrier.turned.wait_timeout(state, Duration::from_millis(20)).unwrap().0;
            if self.poisoned.load(Ordering::Relaxed) && state.1 == turn {
                drop(state);
                return self.check();
            }
        }
    }
}

/// Whether there is memory for one more thread. What a thread takes in its first steps it takes without a way to fail but
/// the end of the process.
///
/// # Errors
/// When there is not.
pub(super) fn room_for_another() -> std::io::Result<()> {
    /// Its stack is half of it.
    const ROOM: usize = 4 << 20;
    if memory::has_room(ROOM) { Ok(()) } else { Err(std::io::ErrorKind::OutOfMemory.into()) }
}

/// The panic of a rank that gave up waiting for one that panicked.
pub(super) struct Echo;

/// Poisons the team when its thread unwinds.
pub(super) struct Poison(pub(super) Arc<Team>);

impl Drop for Poison {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.poison();
        }
    }
}

pub(super) struct ThreadRank {
    team: Arc<Team>,
    rank: usize,
    sum_round: Cell<u64>,
    /// Of the sum in flight.
    addition: Cell<Addition>,
    channels_made: Cell<u64>,
    scratch: RefCell<Vec<f64>>,
}

impl ThreadRank {
    pub(super) fn new(team: Arc<Team>, rank: usize) -> ThreadRank {
        ThreadRank {
            team,
            rank,
            sum_round: Cell::new(0),
            addition: Cell::default(),
            channels_made: Cell::new(0),
            scratch: RefCell::default(),
        }
    }

    /// Everybody's bytes, by rank.
    fn all_gather(&self, bytes: Vec<u8>) -> Vec<Vec<u8>> {
        self.team.gathered.lock().unwrap()[self.rank] = bytes;
        self.team.wait_for_all();
        let all = self.team.gathered.lock().unwrap().clone();
        self.team.wait_for_all();
        all
    }

    fn reduce<T: bytemuck::Pod>(&self, words: &mut [T], combine: impl Fn(T, T) -> T) {
        let all = self.all_gather(bytemuck::cast_slice(words).to_vec());
        for (rank, bytes) in all.iter().enumerate() {
            let theirs = bytemuck::pod_collect_to_vec::<u8, T>(bytes);
            for (word, &other) in words.iter_mut().zip(&theirs) {
                *word = if rank == 0 { other } else { combine(*word, other) };
            }
        }
    }
}

impl Engine for ThreadRank {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.team.size
    }

    fn describe(&self) -> String {
        format!("{} threads of one process", self.team.size)
    }

    fn clock_seconds(&self) -> f64 {
        self.team.origin.elapsed().as_secs_f64()
    }

    fn sum_algorithm(&self) -> SumAlgorithm {
        SumAlgorithm::SharedMemory
    }

    fn start_sum(&self, words: &[f64], addition: Addition) {
        self.addition.set(addition);
        let round = self.sum_round.get() + 1;
        self.sum_round.set(round);
        let slots = &self.team.sums[self.rank];
        // This rank has finished round - 1, so all have published it, hence have read round - 2: the slot is free.
        let mut slot = slots.words[round as usize % 2].write().unwrap();
        slot.clear();
        slot.extend_from_slice(words);
        drop(slot);
        slots.published.store(round, Ordering::Release);
    }

    fn poll_sum(&self) -> bool {
        let round = self.sum_round.get();
        self.team.sums.iter().all(|slots| slots.published.load(Ordering::Acquire) >= round)
    }

    fn finish_sum(&self, words: &mut [f64]) {
        let round = self.sum_round.get();
        let mut total = self.scratch.borrow_mut();
        total.clear();
        for slots in &self.team.sums {
            self.team.await_round(&slots.published, round);
            let slot = slots.words[round as usize % 2].read().unwrap();
            if total.is_empty() {
                total.extend_from_slice(&slot);
            } else {
                // In rank order on every rank: all of them get the same bits.
                self.addition.get().add(&mut total, &slot);
            }
        }
        words.copy_from_slice(&total);
    }

    fn reduce_u64(&self, op: Op, words: &mut [u64]) {
        self.reduce(words, |a, b| match op {
            Op::Sum => a + b,
            Op::Min => a.min(b),
            Op::Max => a.max(b),
        });
    }

    fn reduce_f64(&self, op: Op, words: &mut [f64]) {
        self.reduce(words, |a, b| match op {
            Op::Sum => a + b,
            Op::Min => a.min(b),
            Op::Max => a.max(b),
        });
    }

    fn broadcast(&self, root: usize, bytes: &mut Vec<u8>) {
        let mine = if self.rank == root { std::mem::take(bytes) } else { Vec::new() };
        *bytes = self.all_gather(mine).swap_remove(root);
    }

    fn sparse_exchange(&self, outgoing: Vec<Message>) -> Vec<Message> {
        for (to, bytes) in outgoing {
            self.team.mail[to].lock().unwrap().push((self.rank, bytes));
        }
        self.team.wait_for_all();
        let mut incoming = std::mem::take(&mut *self.team.mail[self.rank].lock().unwrap());
        self.team.wait_for_all();
        incoming.sort_by_key(|(from, _)| *from);
        incoming
    }

    fn channel(&self, sends: &[Part], receives: &[Part]) -> Box<dyn Channel> {
        let number = self.channels_made.get();
        self.channels_made.set(number + 1);
        let lane = |writer, reader, words| {
            let mut lanes = self.team.lanes.lock().unwrap();
            let lane = lanes.entry((writer, reader, number)).or_insert_with(|| {
                let slot = || RwLock::new(vec![0.0; words]);
                Arc::new(Lane { sent: AtomicU64::new(0), taken: AtomicU64::new(0), words: [slot(), slot()] })
            });
            assert_eq!(lane.words[0].read().unwrap().len(), words, "both ends agree on the length of a message");
            lane.clone()
        };
        let outgoing: Vec<_> = sends.iter().map(|part| (lane(self.rank, part.rank, part.words), part.words)).collect();
        let incoming: Vec<_> =
            receives.iter().map(|part| (lane(part.rank, self.rank, part.words), part.words)).collect();
        self.team.wait_for_all();
        // Both ends hold their lanes now; the table need not keep them alive.
        self.team.lanes.lock().unwrap().retain(|(writer, _, made), _| *writer != self.rank || *made != number);
        let words = |parts: &[Part]| vec![0.0; parts.iter().map(|part| part.words).sum()];
        Box::new(ThreadChannel {
            team: self.team.clone(),
            round: 0,
            in_flight: false,
            send: words(sends),
            receive: words(receives),
            outgoing,
            incoming,
        })
    }

    fn abort(&self, code: i32) -> ! {
        std::process::exit(code)
    }
}

struct ThreadChannel {
    team: Arc<Team>,
    round: u64,
    in_flight: bool,
    send: Vec<f64>,
    receive: Vec<f64>,
    outgoing: Vec<(Arc<Lane>, usize)>,
    incoming: Vec<(Arc<Lane>, usize)>,
}

impl Channel for ThreadChannel {
    fn send_buffer(&mut self) -> &mut [f64] {
        assert!(!self.in_flight, "the exchange in flight still owns the send buffer");
        &mut self.send
    }

    fn start(&mut self) {
        assert!(!self.in_flight, "finish the exchange before starting it again");
        self.in_flight = true;
        self.round += 1;
        let mut rest = &self.send[..];
        for (lane, words) in &self.outgoing {
            let message;
            (message, rest) = rest.split_at(*words);
            // The slot was last used two rounds ago; its reader must be done with it.
            self.team.await_round(&lane.taken, self.round.saturating_sub(2));
            lane.words[self.round as usize % 2].write().unwrap().copy_from_slice(message);
            lane.sent.store(self.round, Ordering::Release);
        }
    }

    fn finish(&mut self) -> &[f64] {
        assert!(self.in_flight, "start the exchange before finishing it");
        self.in_flight = false;
        let mut rest = &mut self.receive[..];
        for (lane, words) in &self.incoming {
            let message;
            (message, rest) = rest.split_at_mut(*words);
            self.team.await_round(&lane.sent, self.round);
            message.copy_from_slice(&lane.words[self.round as usize % 2].read().unwrap());
            lane.taken.store(self.round, Ordering::Release);
        }
        &self.receive
    }

    fn received(&self) -> &[f64] {
        &self.receive
    }
}
