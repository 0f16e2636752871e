//! Communication: one face, [`Comm`], over three engines.
//!
//! * alone: one rank, nothing to say;
//! * threads: P ranks as threads of this process ([`Comm::threads`]);
//! * mpi: the ranks of an `mpirun` ([`Comm::mpi`]), or of a communicator of a host program (`Comm::over`); feature `mpi`.
//!
//! The iteration uses two operations only: [`Comm::start_sum`], a non-blocking global sum, and a
//! [`Channel`], a persistent exchange with neighbours. Everything else belongs to set-up and report.

mod alone;
mod engine;
pub mod launcher;
#[doc(hidden)]
pub mod measure;
#[cfg(feature = "mpi")]
#[allow(unsafe_code)]
mod mpi;
mod profile;
mod threads;

/// The binding to MPI whose communicators [`Comm::over`] takes.
#[cfg(feature = "mpi")]
pub use ::mpi as rsmpi;
pub use engine::{Channel, Op, Part, SumAlgorithm};
#[cfg(feature = "mpi")]
pub use mpi::library_version;
pub use profile::{Counts, Phase, Profile};

use crate::binned::{self, Binned};
use crate::error::{Error, ExitCode, Result};
use crate::faults;
use crate::vector::{Dots, Partial, Summation};
use bytemuck::{AnyBitPattern, NoUninit};
use engine::{Addition, Engine};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// One rank's end of the communication. Cheap to clone; stays on its thread.
#[derive(Clone)]
pub struct Comm {
    engine: Rc<dyn Engine>,
    profile: Rc<Profile>,
    rider: Rc<Rider>,
    summation: Summation,
    /// The sum in flight, which belongs to all clones: any of them may poll it.
    flight: Rc<Cell<Option<Flight>>>,
}

/// A sum in flight, as its rank sees it.
#[derive(Clone, Copy)]
struct Flight {
    /// When it had been started.
    since: f64,
    /// When a poll first found it complete.
    complete: Option<f64>,
}

/// One word that rides in every sum.
#[derive(Default)]
struct Rider {
    own: Cell<f64>,
    heard: Cell<f64>,
    /// The words of the sum in flight, and the rider.
    words: RefCell<Vec<f64>>,
}

impl Comm {
    fn new(engine: impl Engine + 'static) -> Comm {
        Comm {
            engine: Rc::new(engine),
            profile: Rc::default(),
            rider: Rc::default(),
            summation: Summation::Plain,
            flight: Rc::default(),
        }
    }

    /// A world of one rank.
    pub fn alone() -> Comm {
        Comm::new(alone::Alone::new())
    }

    /// Runs `body` on `ranks` threads, each with its own `Comm`; returns what they return, by rank.
    ///
    /// # Panics
    /// If `ranks` is 0, if the system gives no threads ([`try_threads`](Comm::try_threads)), or with the first panic of a rank.
    pub fn threads<T: Send>(ranks: usize, body: impl Fn(&Comm) -> T + Sync) -> Vec<T> {
        Comm::try_threads(ranks, body).unwrap_or_else(|error| panic!("{error}"))
    }

    /// As [`threads`](Comm::threads).
    ///
    /// # Errors
    /// When the system gives no more threads, or hardly any memory beside them; no rank has then begun.
    ///
    /// # Panics
    /// If `ranks` is 0, or with the first panic of a rank.
    pub fn try_threads<T: Send>(ranks: usize, body: impl Fn(&Comm) -> T + Sync) -> Result<Vec<T>> {
        assert!(ranks > 0, "a team has at least one rank");
        let team = threads::Team::new(ranks);
        std::thread::scope(|scope| {
            let mut handles = Vec::with_capacity(ranks);
            for rank in 0..ranks {
                let (own, body) = (team.clone(), &body);
                let (starting, started) = std::sync::mpsc::channel::<()>();
                let run = move || {
                    let _poison = threads::Poison(own.clone());
                    drop(starting);
                    own.wait_for_all();
                    body(&Comm::new(threads::ThreadRank::new(own, rank)))
                };
                let spawned =
                    threads::room_for_another().and_then(|()| std::thread::Builder::new().spawn_scoped(scope, run));
                match spawned {
                    Ok(handle) => {
                        let _ = started.recv(); // ends when `starting` is dropped
                        handles.push(handle);
                    }
                    Err(cause) => {
                        team.poison();
                        handles.into_iter().for_each(|handle| drop(handle.join()));
                        let message = format!(
                            "cannot start {ranks} ranks as threads, only {rank}: {cause}; ask for fewer (--threads)"
                        );
                        return Err(Error::new(ExitCode::Internal, message));
                    }
                }
            }
            let results: Vec<_> = handles.into_iter().map(|handle| handle.join()).collect();
            if results.iter().any(|result| result.is_err()) {
                // Prefer the panic that came first over those of the ranks that gave up waiting.
                let panics = results.into_iter().filter_map(|result| result.err());
                let (echoes, causes): (Vec<_>, Vec<_>) = panics.partition(|panic| panic.is::<threads::Echo>());
                std::panic::resume_unwind(causes.into_iter().chain(echoes).next().expect("one rank panicked"));
            }
            Ok(results.into_iter().filter_map(|result| result.ok()).collect())
        })
    }

    /// The ranks of this `mpirun`. Initialises MPI; MPI is finalised when the last clone of this
    /// `Comm`, and everything made from it, is dropped.
    ///
    /// # Errors
    /// When MPI was initialised before, or when the launcher announced another number of ranks than
    /// this program's MPI library sees (it belongs to another MPI).
    #[cfg(feature = "mpi")]
    pub fn mpi() -> Result<Comm> {
        // Asked before: MPI may set these variables itself.
        let (announced, lone) = (launcher::announced(), launcher::refuse_lone_task());
        let engine = mpi::MpiRank::initialize()
            .ok_or_else(|| Error::usage("MPI is already initialised in this process; make one Comm and clone it"))?;
        launcher::check(announced, engine.size(), &library_version())?;
        if engine.size() == 1 {
            lone?;
        }
        Ok(Comm::new(engine))
    }

    /// The ranks of a communicator that the host program made, which initialises MPI and finalises it. Everything here
    /// travels on a private copy, so it never meets the host's own messages; the copy's errors are fatal, whatever the
    /// host's do. This `Comm`, its clones and all that was made from them are to be dropped before MPI is finalised.
    /// MPI calls come from this thread only. Collective over `communicator`: ranks outside it take no part.
    ///
    /// # Errors
    /// When MPI is not initialised, or refuses.
    #[cfg(feature = "mpi")]
    pub fn over(communicator: &rsmpi::topology::SimpleCommunicator) -> Result<Comm> {
        mpi::MpiRank::duplicate_of(communicator).map(Comm::new).ok_or_else(not_running)
    }

    /// The same for a host program in another language, which passes the number that MPI_Comm_c2f gives its communicator.
    /// Collective over it.
    ///
    /// # Errors
    /// When the MPI library of this program is not initialised (the host may use another one), or refuses.
    ///
    /// # Safety
    /// `number` is that of a live intra-communicator, made by the MPI library that this program is linked with.
    #[cfg(feature = "mpi")]
    #[allow(unsafe_code)]
    pub unsafe fn over_fortran(number: i32) -> Result<Comm> {
        // SAFETY: the caller's promise.
        unsafe { mpi::MpiRank::duplicate_numbered(number) }.map(Comm::new).ok_or_else(not_running)
    }

    /// This rank's number, 0 … size − 1.
    pub fn rank(&self) -> usize {
        self.engine.rank()
    }

    /// The number of ranks.
    pub fn size(&self) -> usize {
        self.engine.size()
    }

    /// True on the one rank that prints.
    pub fn is_root(&self) -> bool {
        self.rank() == 0
    }

    /// The engine in words, for reports.
    pub fn describe(&self) -> String {
        self.engine.describe()
    }

    /// Seconds on this engine's clock; only differences mean something.
    pub fn clock_seconds(&self) -> f64 {
        self.engine.clock_seconds()
    }

    /// This rank's running totals.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The same ranks with a profile of its own: for products that are not the method's.
    pub fn with_own_profile(&self) -> Comm {
        Comm { profile: Rc::default(), ..self.clone() }
    }

    /// The same ranks, whose inner products from now on do not depend on the order of the rows, nor on who owns them: what
    /// is made from the result gives the same bits on any number of ranks, if the products do. At most
    /// [`MOST_TERMS`](crate::vector::MOST_TERMS) rows.
    pub fn reproducible(&self) -> Comm {
        Comm { summation: Summation::Reproducible, ..self.clone() }
    }

    /// How inner products are added up here.
    pub fn summation(&self) -> Summation {
        self.summation
    }

    /// K inner products, so far zero, to be added up as is done here.
    pub(crate) fn dots<const K: usize>(&self) -> Dots<K> {
        Dots::new(self.summation)
    }

    /// This rank's part of ⟨x, y⟩.
    ///
    /// # Panics
    /// If the lengths differ.
    pub fn dot(&self, x: &[f64], y: &[f64]) -> Partial {
        let mut dots = self.dots();
        dots.add_products(x, y);
        let [partial] = dots.partials();
        partial
    }

    /// Runs `work` and books its time under `phase`.
    pub fn timed<T>(&self, phase: Phase, work: impl FnOnce() -> T) -> T {
        let start = self.clock_seconds();
        let result = work();
        self.profile.add_seconds(phase, self.clock_seconds() - start);
        result
    }

    /// From now on, `word` rides in every sum that this rank starts: a wish that must not cost a sum of its own.
    pub fn ride(&self, word: f64) {
        self.rider.own.set(word);
    }

    /// What rode in the last sum that was finished, added up over the ranks: the same on every rank.
    pub fn heard(&self) -> f64 {
        self.rider.heard.get()
    }

    /// Starts the global sum of `numbers`, one by one. Collective. One sum at a time.
    ///
    /// Every rank receives the same bits.
    pub fn start_sum(&self, numbers: &[f64]) -> Sum<'_> {
        self.start(Addition::Numbers, |words| words.extend_from_slice(numbers))
    }

    /// The same of ranks' parts of inner products. Collective.
    pub fn start_sum_of(&self, partials: &[Partial]) -> Sum<'_> {
        let addition = match partials {
            [Partial::Binned(_), ..] => Addition::Binned,
            _ => Addition::Numbers,
        };
        self.start(addition, |words| {
            for partial in partials {
                match partial {
                    Partial::Plain(number) => words.push(*number),
                    Partial::Binned(sum) => words.extend(sum.to_words()),
                }
            }
        })
    }

    fn start(&self, addition: Addition, fill: impl FnOnce(&mut Vec<f64>)) -> Sum<'_> {
        let mut words = self.rider.words.borrow_mut();
        words.clear();
        fill(&mut words);
        self.profile.count(|counts| {
            counts.sums += 1;
            counts.sum_words += words.len() as u64;
        });
        let rider = self.rider.own.get();
        match addition {
            Addition::Numbers => words.push(rider),
            Addition::Binned => words.extend(Binned::from(rider).to_words()),
        }
        self.timed(Phase::Sum, || self.engine.start_sum(&words, addition));
        self.flight.set(Some(Flight { since: self.clock_seconds(), complete: None }));
        Sum { comm: self, addition, passes_before: self.profile.counts().passes }
    }

    /// Lets the sum in flight advance, if there is one: for work that may be done meanwhile, and does
    /// not know. Most MPI libraries make progress only inside their own calls.
    pub fn poll(&self) {
        if let Some(flight @ Flight { complete: None, .. }) = self.flight.get()
            && self.engine.poll_sum()
        {
            self.flight.set(Some(Flight { complete: Some(self.clock_seconds()), ..flight }));
        }
    }

    /// The global sum of `words`, waited for at once. Collective.
    pub fn sum(&self, words: &mut [f64]) {
        self.profile.count(|counts| counts.blocking_sums += 1);
        self.start_sum(words).finish_at_once(|sum| sum.finish(words));
    }

    /// The inner products of which the ranks hold parts, waited for at once. Collective.
    pub fn sum_of<const K: usize>(&self, mut partials: [Partial; K]) -> [f64; K] {
        self.sum_partials(&mut partials);
        partials.map(|sum| sum.value())
    }

    /// Makes sums of the parts, waited for at once. Collective.
    pub fn sum_partials(&self, partials: &mut [Partial]) {
        self.profile.count(|counts| counts.blocking_sums += 1);
        self.start_sum_of(partials).finish_at_once(|sum| sum.finish_of(partials));
    }

    /// Blocking reduction of integers, for set-up and reports. Collective.
    pub fn reduce_u64(&self, op: Op, words: &mut [u64]) {
        self.count_setup();
        self.engine.reduce_u64(op, words);
    }

    /// Blocking reduction of reals, for set-up and reports. Collective.
    pub fn reduce_f64(&self, op: Op, words: &mut [f64]) {
        self.count_setup();
        self.engine.reduce_f64(op, words);
    }

    /// `value` reduced over all ranks. Collective.
    pub fn reduced(&self, op: Op, value: u64) -> u64 {
        let mut words = [value];
        self.reduce_u64(op, &mut words);
        words[0]
    }

    /// The items of rank `root`, on every rank. Collective.
    pub fn broadcast<T: NoUninit + AnyBitPattern>(&self, root: usize, items: &[T]) -> Vec<T> {
        self.count_setup();
        let mut bytes = bytemuck::cast_slice(items).to_vec();
        self.engine.broadcast(root, &mut bytes);
        bytemuck::pod_collect_to_vec(&bytes)
    }

    /// Each rank sends items to ranks of its choice, at most one message to each, itself included;
    /// returns the messages meant for this rank, by source. Collective; costs a rank only the
    /// messages it sends and receives.
    pub fn sparse_exchange<T: NoUninit + AnyBitPattern>(&self, outgoing: Vec<(usize, Vec<T>)>) -> Vec<(usize, Vec<T>)> {
        self.count_setup();
        let to_bytes = |(rank, items): (usize, Vec<T>)| (rank, bytemuck::cast_slice(&items).to_vec());
        let from_bytes = |(rank, bytes): (usize, Vec<u8>)| (rank, bytemuck::pod_collect_to_vec(&bytes));
        let outgoing = outgoing.into_iter().map(to_bytes).collect();
        self.engine.sparse_exchange(outgoing).into_iter().map(from_bytes).collect()
    }

    /// The items of every rank, by rank, on `root`; nothing elsewhere. Collective.
    pub fn gather<T: NoUninit + AnyBitPattern>(&self, root: usize, items: &[T]) -> Vec<Vec<T>> {
        self.sparse_exchange(vec![(root, items.to_vec())]).into_iter().map(|(_, items)| items).collect()
    }

    /// The sum of `value` over the ranks below this one, and over all ranks. Collective.
    pub fn sum_before(&self, value: u64) -> (u64, u64) {
        let mut before = 0;
        let mut sums = Vec::new();
        for (rank, of_rank) in self.gather(0, &[value]).into_iter().enumerate() {
            sums.push((rank, vec![before]));
            before += of_rank[0];
        }
        let mine = self.sparse_exchange(sums).pop().expect("rank 0 sends to every rank").1[0];
        (mine, self.broadcast(0, &[before])[0])
    }

    /// A persistent exchange; both ends of a message state the same length. Collective.
    pub fn channel(&self, sends: &[Part], receives: &[Part]) -> Box<dyn Channel> {
        self.engine.channel(sends, receives)
    }

    /// Closes a stage that may have failed on some ranks only: if any failed, every rank returns
    /// the error of the lowest failing rank. Collective.
    ///
    /// # Errors
    /// As said.
    pub fn agree<T>(&self, result: Result<T>) -> Result<T> {
        let result = faults::instead_of(result);
        let failing = if result.is_err() { self.rank() } else { self.size() };
        let first = self.reduced(Op::Min, failing as u64) as usize;
        if first == self.size() {
            return result;
        }
        let mine = result.err().map(|error| error.to_bytes()).unwrap_or_default();
        Err(Error::from_bytes(&self.broadcast(first, &mine)))
    }

    /// Ends the whole job at once, with this exit code: for broken contracts only.
    pub fn abort(&self, code: i32) -> ! {
        self.engine.abort(code)
    }

    fn count_setup(&self) {
        self.profile.count(|counts| counts.setup_collectives += 1);
    }
}

/// A global sum in flight.
#[must_use = "a sum that is started must be finished"]
pub struct Sum<'a> {
    comm: &'a Comm,
    addition: Addition,
    passes_before: u64,
}

impl Sum<'_> {
    /// Lets the sum advance.
    pub fn poll(&self) {
        self.comm.poll();
    }

    /// Waits, and writes the sums to `numbers` (as many as were started).
    pub fn finish(self, numbers: &mut [f64]) {
        self.finish_words(|words| numbers.copy_from_slice(words));
    }

    /// Waits, and makes sums of the parts that were started.
    pub fn finish_of(self, partials: &mut [Partial]) {
        self.finish_words(|mut words| {
            for partial in partials {
                match partial {
                    Partial::Plain(number) => (*number, words) = (words[0], &words[1..]),
                    Partial::Binned(sum) => {
                        let (first, rest) = words.split_first_chunk().expect("as many words as were started");
                        (*sum, words) = (Binned::from_words(*first), rest);
                    }
                }
            }
        });
    }

    /// Nothing was done meanwhile: nothing was hidden.
    fn finish_at_once(self, finish: impl FnOnce(Self)) {
        self.comm.flight.set(None);
        finish(self);
    }

    fn finish_words(self, take: impl FnOnce(&[f64])) {
        let Sum { comm, addition, passes_before } = self;
        if let Some(Flight { since, complete }) = comm.flight.take() {
            let until = complete.unwrap_or_else(|| comm.clock_seconds());
            comm.profile().add_hidden_seconds(until - since);
        }
        let mut words = comm.rider.words.borrow_mut();
        comm.timed(Phase::Sum, || comm.engine.finish_sum(&mut words));
        const RIDER: &str = "a sum carries its rider";
        let (words, heard) = match addition {
            Addition::Numbers => words.split_last().map(|(rider, words)| (words, *rider)).expect(RIDER),
            Addition::Binned => {
                let (words, rider) = words.split_last_chunk::<{ binned::WORDS }>().expect(RIDER);
                (words, Binned::from_words(*rider).value())
            }
        };
        comm.rider.heard.set(heard);
        take(words);
        let profile = comm.profile();
        profile.count(|counts| counts.overlapped_passes += counts.passes - passes_before);
    }
}

#[cfg(feature = "mpi")]
fn not_running() -> Error {
    Error::usage(format!(
        "cannot copy the communicator: MPI is not initialised, or the host program uses another MPI library than {}, \
         which this was built with (MPICC names its compiler)",
        library_version()
    ))
}

/// Ends the whole job when this process panics under MPI: unwinding would run MPI_Finalize on one
/// rank and leave the others waiting. To be called from a panic hook.
pub fn abort_job(code: i32) -> ! {
    #[cfg(feature = "mpi")]
    mpi::abort_world(code);
    std::process::exit(code)
}
