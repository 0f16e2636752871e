//! The MPI engine: rsmpi where it reaches, the raw MPI calls where it does not.
//!
//! rsmpi exposes no persistent requests, and its scoped requests cannot be kept in a struct across
//! iterations; both are made from `mpi::ffi`, here and in the files of this folder, which are among the
//! few places with `unsafe`.
//! Return codes are not looked at: the error handler is MPI_ERRORS_ARE_FATAL, MPI's default, which copies of a host
//! program's communicators are given.

mod channel;
mod doubling;
mod exchange;

use super::engine::{Addition, Channel, Engine, Message, Op, Part, SumAlgorithm};
use crate::binned;
use channel::MpiChannel;
use doubling::Doubling;
use exchange::sparse_exchange;
use mpi::collective::SystemOperation;
use mpi::environment::Universe;
use mpi::ffi;
use mpi::topology::SimpleCommunicator;
use mpi::traits::*;
use std::cell::{Cell, RefCell};
use std::mem::MaybeUninit;
use std::os::raw::{c_int, c_void};
use std::rc::Rc;
use std::time::Duration;

/// Longest single message of the set-up, in bytes: MPI counts are C ints.
const PIECE_BYTES: usize = 1 << 30;

/// Two tags taken in turn: a rank that has left one sparse exchange may already send for the next
/// while another still looks for messages of the first. It cannot be two ahead.
const EXCHANGE_TAGS: [c_int; 2] = [1, 2];
/// Channel tags lie above those and below 32767, which every MPI allows.
const CHANNEL_TAGS: c_int = 16;
const CHANNEL_TAG_COUNT: c_int = 32_000;

/// The communicator, and the initialised library where this crate initialised it. MPI_Finalize then runs when the last
/// owner lets go: requests and communicators hold one of these so that they are freed before.
struct World {
    // Fields are dropped in this order: the communicator before the library.
    comm: SimpleCommunicator,
    _universe: Option<Universe>,
}

/// Polls of a wait before it gives way: some microseconds, about the time of a message that needs no waiting.
const EAGER_POLLS: usize = 100;

/// Between two polls of a wait. MPICH never gives way by itself, and where ranks share a processor
/// the one that is waited for would not run before the waiting one's time slice ends. Where they do
/// not, giving way returns at once.
fn give_way(polls: &mut usize) {
    *polls += 1;
    if *polls > EAGER_POLLS {
        std::thread::yield_now();
    }
}

/// Waits for requests to complete; does something else in between.
///
/// # Safety
/// Every request is valid, or MPI_REQUEST_NULL.
unsafe fn wait(requests: &mut [ffi::MPI_Request], mut meanwhile: impl FnMut()) {
    let (mut done, mut polls) = (0, 0);
    loop {
        let (count, start) = (requests.len() as c_int, requests.as_mut_ptr());
        // SAFETY: the caller's promise; `start` and `count` describe the slice.
        unsafe { ffi::MPI_Testall(count, start, &mut done, ffi::RSMPI_STATUSES_IGNORE) };
        if done != 0 {
            return;
        }
        meanwhile();
        give_way(&mut polls);
    }
}

/// The same for a request of rsmpi's.
fn complete<'a, D: ?Sized, S: mpi::request::Scope<'a>>(mut request: mpi::request::Request<'a, D, S>) {
    let mut polls = 0;
    while let Err(pending) = request.test() {
        request = pending;
        give_way(&mut polls);
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // Finalising here, while the other ranks are in the middle of something, would hang the job.
            abort(&self.comm, 1)
        }
    }
}

pub(super) struct MpiRank {
    world: Rc<World>,
    sums: Rc<Sums>,
    channels_made: Cell<c_int>,
    exchanges_made: Cell<usize>,
}

/// Name and version of the MPI library this program is linked with; callable before MPI_Init.
pub fn library_version() -> String {
    let version = mpi::environment::library_version().unwrap_or_else(|_| "unknown MPI".into());
    let line = version.split(['\n', ',', '\0']).next().unwrap_or_default().replace('\t', " ");
    // MPICH says "MPICH Version: 4.0.2", Open MPI says "Open MPI v4.1.4".
    line.replace("Version:", "v").split_whitespace().collect::<Vec<_>>().join(" ").replace("v ", "v")
}

impl MpiRank {
    /// Initialises MPI on a private copy of the world communicator. None if MPI was initialised before.
    pub(super) fn initialize() -> Option<MpiRank> {
        let (universe, _) = mpi::environment::initialize_with_threading(mpi::Threading::Funneled)?;
        let comm = universe.world().duplicate();
        Some(MpiRank::on(World { comm, _universe: Some(universe) }))
    }

    /// On a private copy of a communicator of the host program, which has initialised MPI and will finalise it. None if
    /// it has not, or if MPI refuses. Collective over the communicator.
    ///
    /// # Safety
    /// `host` is a live handle of an intra-communicator, or none at all where MPI is not initialised.
    unsafe fn duplicate(host: ffi::MPI_Comm) -> Option<MpiRank> {
        let mut copy = MaybeUninit::uninit();
        // SAFETY: the caller's promise. MPI has written the handle where it reports success. It is a new one of an
        // intra-communicator, as `from_raw` asks, and nobody else has it.
        let comm = unsafe {
            if ffi::MPI_Comm_dup(host, copy.as_mut_ptr()) != ffi::MPI_SUCCESS as c_int {
                return None;
            }
            let copy = copy.assume_init();
            // The copy has the host's error handler, which may return: nobody here would look at what it returns.
            ffi::MPI_Comm_set_errhandler(copy, ffi::RSMPI_ERRORS_ARE_FATAL);
            SimpleCommunicator::from_raw(copy)
        };
        Some(MpiRank::on(World { comm, _universe: None }))
    }

    /// The same, of rsmpi's. Collective over the communicator.
    pub(super) fn duplicate_of(host: &SimpleCommunicator) -> Option<MpiRank> {
        // SAFETY: rsmpi's own promise about its type.
        is_running().then(|| unsafe { MpiRank::duplicate(host.as_raw()) }).flatten()
    }

    /// The same, by the number that MPI_Comm_c2f gives. Collective over the communicator.
    ///
    /// # Safety
    /// `number` is that of a live intra-communicator of the MPI library that this program is linked with, if that
    /// library is initialised.
    pub(super) unsafe fn duplicate_numbered(number: i32) -> Option<MpiRank> {
        // SAFETY: the caller's promise.
        is_running().then(|| unsafe { MpiRank::duplicate(ffi::RSMPI_Comm_f2c(number)) }).flatten()
    }

    fn on(world: World) -> MpiRank {
        let world = Rc::new(world);
        MpiRank {
            sums: Rc::new(Sums::new(world.clone())),
            world,
            channels_made: Cell::new(0),
            exchanges_made: Cell::new(0),
        }
    }
}

/// True between MPI_Init and MPI_Finalize.
fn is_running() -> bool {
    mpi::environment::is_initialized() && !mpi::environment::is_finalized()
}

impl Engine for MpiRank {
    fn rank(&self) -> usize {
        self.world.comm.rank() as usize
    }

    fn size(&self) -> usize {
        self.world.comm.size() as usize
    }

    fn describe(&self) -> String {
        let plural = if self.size() == 1 { "" } else { "s" };
        format!("{} rank{plural}, {}", self.size(), library_version())
    }

    fn clock_seconds(&self) -> f64 {
        mpi::time()
    }

    fn sum_algorithm(&self) -> SumAlgorithm {
        self.sums.algorithm.get()
    }

    fn use_sum_algorithm(&self, algorithm: SumAlgorithm) -> bool {
        let is_known = matches!(algorithm, SumAlgorithm::Mpi | SumAlgorithm::RecursiveDoubling);
        if is_known {
            self.sums.algorithm.set(algorithm);
        }
        is_known
    }

    fn start_sum(&self, words: &[f64], addition: Addition) {
        match self.sum_algorithm() {
            SumAlgorithm::RecursiveDoubling => self.sums.doubling.borrow_mut().start(words, addition),
            _ => self.sums.mpi.borrow_mut().start(words, addition),
        }
    }

    fn poll_sum(&self) -> bool {
        match self.sum_algorithm() {
            SumAlgorithm::RecursiveDoubling => self.sums.doubling.borrow_mut().poll(),
            _ => self.sums.mpi.borrow_mut().poll(),
        }
    }

    fn finish_sum(&self, words: &mut [f64]) {
        match self.sum_algorithm() {
            SumAlgorithm::RecursiveDoubling => self.sums.doubling.borrow_mut().finish(words),
            _ => self.sums.mpi.borrow_mut().finish(words),
        }
    }

    fn reduce_u64(&self, op: Op, words: &mut [u64]) {
        if matches!(op, Op::Sum) {
            return reduce(&self.world.comm, op, words);
        }
        // MPICH 4.0 compares unsigned words as if they had a sign. So they get one, in the same order.
        const SIGN: u64 = 1 << 63;
        let mut signed: Vec<i64> = words.iter().map(|word| (word ^ SIGN) as i64).collect();
        reduce(&self.world.comm, op, &mut signed);
        for (word, reduced) in words.iter_mut().zip(signed) {
            *word = reduced as u64 ^ SIGN;
        }
    }

    fn reduce_f64(&self, op: Op, words: &mut [f64]) {
        reduce(&self.world.comm, op, words);
    }

    fn broadcast(&self, root: usize, bytes: &mut Vec<u8>) {
        let root = self.world.comm.process_at_rank(root as c_int);
        let mut length = bytes.len() as u64;
        mpi::request::scope(|scope| complete(root.immediate_broadcast_into(scope, &mut length)));
        bytes.resize(length as usize, 0);
        for piece in bytes.chunks_mut(PIECE_BYTES) {
            mpi::request::scope(|scope| complete(root.immediate_broadcast_into(scope, piece)));
        }
    }

    fn sparse_exchange(&self, outgoing: Vec<Message>) -> Vec<Message> {
        let number = self.exchanges_made.get();
        self.exchanges_made.set(number + 1);
        sparse_exchange(self.world.comm.as_raw(), EXCHANGE_TAGS[number % 2], outgoing, PIECE_BYTES)
    }

    fn channel(&self, sends: &[Part], receives: &[Part]) -> Box<dyn Channel> {
        let number = self.channels_made.get();
        self.channels_made.set((number + 1) % CHANNEL_TAG_COUNT);
        Box::new(MpiChannel::new(self.world.clone(), self.sums.clone(), CHANNEL_TAGS + number, sends, receives))
    }

    fn abort(&self, code: i32) -> ! {
        abort(&self.world.comm, code)
    }
}

fn reduce<T: Equivalence + Copy>(comm: &SimpleCommunicator, op: Op, words: &mut [T]) {
    let op = match op {
        Op::Sum => SystemOperation::sum(),
        Op::Min => SystemOperation::min(),
        Op::Max => SystemOperation::max(),
    };
    let mine = words.to_vec();
    mpi::request::scope(|scope| complete(comm.immediate_all_reduce_into(scope, &mine[..], words, op)));
}

/// Ends the whole job. MPICH's launcher may drop what a rank wrote just before it aborts, which is the reason why it
/// does: there is a moment for that to be passed on.
fn abort(comm: &SimpleCommunicator, code: i32) -> ! {
    std::thread::sleep(Duration::from_millis(200));
    comm.abort(code)
}

/// Ends the whole job from a panic hook, where no engine is at hand.
pub(super) fn abort_world(code: i32) {
    if is_running() {
        abort(&SimpleCommunicator::world(), code)
    }
}

/// Heap memory that MPI may read or write while Rust holds no reference to it.
struct Words {
    start: *mut f64,
    len: usize,
}

impl Words {
    fn new(len: usize) -> Words {
        Words { start: Box::into_raw(vec![0.0; len].into_boxed_slice()).cast(), len }
    }

    /// # Safety
    /// No request that writes the buffer is active.
    unsafe fn get(&self) -> &[f64] {
        // SAFETY: `start` and `len` come from a boxed slice that lives until `drop`; the caller
        // promises that nobody writes to it.
        unsafe { std::slice::from_raw_parts(self.start, self.len) }
    }

    /// # Safety
    /// No request on the buffer is active.
    unsafe fn get_mut(&mut self) -> &mut [f64] {
        // SAFETY: as in `get`; `&mut self` excludes other references made through this value.
        unsafe { std::slice::from_raw_parts_mut(self.start, self.len) }
    }

    /// Gives the memory up to requests that will never complete.
    fn leak(&mut self) {
        std::mem::forget(std::mem::replace(self, Words::new(0)));
    }
}

impl Drop for Words {
    fn drop(&mut self) {
        // SAFETY: `start` and `len` came from `Box::into_raw` of a boxed slice, and this runs once.
        // Whoever owns a `Words` completes its requests before dropping it.
        drop(unsafe { Box::from_raw(std::ptr::slice_from_raw_parts_mut(self.start, self.len)) });
    }
}

/// The sum in flight, in either of two ways.
struct Sums {
    mpi: RefCell<SumRequest>,
    doubling: RefCell<Doubling>,
    algorithm: Cell<SumAlgorithm>,
}

impl Sums {
    fn new(world: Rc<World>) -> Sums {
        Sums {
            mpi: RefCell::new(SumRequest::new(world.clone())),
            doubling: RefCell::new(Doubling::new(world)),
            algorithm: Cell::new(SumAlgorithm::Mpi),
        }
    }
}

/// The one non-blocking Allreduce of an iteration.
struct SumRequest {
    // Fields are dropped in this order: what MPI made before the library.
    /// Made for the first reproducible sum.
    binned: Option<BinnedType>,
    world: Rc<World>,
    send: Words,
    receive: Words,
    len: usize,
    request: ffi::MPI_Request,
    in_flight: bool,
}

/// A [`Binned`](binned::Binned) as MPI knows it: one item, lest a sum be cut in the middle of it, and how two of them merge.
struct BinnedType {
    datatype: ffi::MPI_Datatype,
    merge: ffi::MPI_Op,
}

impl BinnedType {
    fn new() -> BinnedType {
        const COMMUTES: c_int = 1;
        let (mut datatype, mut merge) = (MaybeUninit::uninit(), MaybeUninit::uninit());
        // SAFETY: each call writes its handle, and MPI is initialised: a `SumRequest` holds its world.
        unsafe {
            ffi::MPI_Type_contiguous(binned::WORDS as c_int, ffi::RSMPI_DOUBLE, datatype.as_mut_ptr());
            ffi::MPI_Type_commit(datatype.as_mut_ptr());
            ffi::MPI_Op_create(Some(merge_binned), COMMUTES, merge.as_mut_ptr());
            BinnedType { datatype: datatype.assume_init(), merge: merge.assume_init() }
        }
    }
}

impl Drop for BinnedType {
    fn drop(&mut self) {
        // SAFETY: both handles are valid until here, and MPI is not finalised: `SumRequest` drops this before its world,
        // and completes the sum that uses them before that.
        unsafe {
            ffi::MPI_Op_free(&mut self.merge);
            ffi::MPI_Type_free(&mut self.datatype);
        }
    }
}

/// MPI calls this with `count` items of [`BinnedType`] in either buffer, to be merged into the second.
unsafe extern "C" fn merge_binned(
    others: *mut c_void,
    sums: *mut c_void,
    count: *mut c_int,
    _: *mut ffi::MPI_Datatype,
) {
    // SAFETY: MPI's promise to the function of an operation: both buffers hold `count` items of the datatype, which is
    // `WORDS` doubles without gaps, aligned as these; they do not overlap, and nobody else uses the second.
    let (sums, others) = unsafe {
        let words = *count as usize * binned::WORDS;
        (std::slice::from_raw_parts_mut(sums.cast(), words), std::slice::from_raw_parts(others.cast(), words))
    };
    binned::merge_words(sums, others);
}

impl SumRequest {
    fn new(world: Rc<World>) -> SumRequest {
        // SAFETY: reads a constant of the library.
        let request = unsafe { ffi::RSMPI_REQUEST_NULL };
        let (send, receive) = (Words::new(16), Words::new(16));
        SumRequest { binned: None, world, send, receive, len: 0, request, in_flight: false }
    }

    fn start(&mut self, words: &[f64], addition: Addition) {
        assert!(!self.in_flight, "only one sum may be in flight");
        if words.len() > self.send.len {
            (self.send, self.receive) = (Words::new(words.len()), Words::new(words.len()));
        }
        self.len = words.len();
        let (items, datatype, op) = match addition {
            // SAFETY: reads constants of the library.
            Addition::Numbers => unsafe { (self.len, ffi::RSMPI_DOUBLE, ffi::RSMPI_SUM) },
            Addition::Binned => {
                let binned = self.binned.get_or_insert_with(BinnedType::new);
                (self.len / binned::WORDS, binned.datatype, binned.merge)
            }
        };
        let count = c_int::try_from(items).expect("a sum has fewer than 2^31 words");
        // SAFETY: no sum is in flight (asserted), so the send buffer is free to write.
        let send = unsafe { self.send.get_mut() };
        send[..self.len].copy_from_slice(words);
        // SAFETY: both buffers hold at least `count` items, are distinct, and live in `self`,
        // which completes the request in `finish` or `drop` before it lets them go or reuses them.
        unsafe {
            ffi::MPI_Iallreduce(
                self.send.start.cast::<c_void>(),
                self.receive.start.cast(),
                count,
                datatype,
                op,
                self.world.comm.as_raw(),
                &mut self.request,
            );
        }
        self.in_flight = true;
    }

    fn poll(&mut self) -> bool {
        let mut done = 1;
        // SAFETY: `request` is the active request or MPI_REQUEST_NULL (for which MPI_Test answers true).
        unsafe { ffi::MPI_Test(&mut self.request, &mut done, ffi::RSMPI_STATUS_IGNORE) };
        done != 0
    }

    fn finish(&mut self, words: &mut [f64]) {
        assert!(self.in_flight, "start a sum before finishing it");
        assert_eq!(words.len(), self.len, "a sum is finished with as many words as it was started with");
        // SAFETY: `request` is the active request, or MPI_REQUEST_NULL when `poll` has seen it complete.
        unsafe { wait(std::slice::from_mut(&mut self.request), || ()) };
        self.in_flight = false;
        // SAFETY: the request is complete, nobody writes the buffer.
        words.copy_from_slice(&unsafe { self.receive.get() }[..self.len]);
    }
}

impl Drop for SumRequest {
    fn drop(&mut self) {
        if !self.in_flight {
            return;
        }
        if std::thread::panicking() {
            // Other ranks may never come: do not wait, and leave MPI its memory.
            self.send.leak();
            self.receive.leak();
            return;
        }
        // SAFETY: completes the request (a no-op on MPI_REQUEST_NULL) before the buffers go.
        unsafe { wait(std::slice::from_mut(&mut self.request), || ()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comm::Comm;

    #[test]
    fn before_mpi_is_initialised_there_is_no_communicator_to_copy() {
        let message = Comm::over(&SimpleCommunicator::world()).err().expect("refused").to_string();
        assert!(message.contains("MPI is not initialised") && message.contains(&library_version()), "{message}");
    }
}
