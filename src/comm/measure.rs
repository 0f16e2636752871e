//! Work of all ranks, sums and exchanges timed: the one place where that is done. And the choice between ways to sum that
//! follows from it.

use super::{Channel, Comm, Op, SumAlgorithm};
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::hint::black_box;

/// Words of the sums that are timed: those of PIPE-PR-CG with a preconditioner.
pub const SUM_WORDS: usize = 5;

/// Pieces of the work behind which a sum is to hide; after each of them the sum is polled, as products do.
const PIECES: usize = 4;

/// Rounds of a choice; in each both ways are measured, in turn.
const ROUNDS: usize = 5;
/// Sums of a round.
const SUMS: usize = 11;
/// By how much another way must be the quicker one before it is taken.
const MARGIN: f64 = 0.9;

/// The middle one of some values; NaN without any.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Seconds of `work` on the slowest rank, all starting together; the same number on every rank. Collective.
pub fn timed(comm: &Comm, work: impl FnOnce()) -> f64 {
    comm.with_own_profile().sum(&mut [0.0]);
    let begin = comm.clock_seconds();
    work();
    let mut seconds = [comm.clock_seconds() - begin];
    comm.reduce_f64(Op::Max, &mut seconds);
    seconds[0]
}

/// The median of `rounds` timings of `calls` calls of `work`, after one that does not count: seconds per call, the same
/// number on every rank. Collective; so may `work` be.
pub fn seconds_per_call(comm: &Comm, rounds: usize, calls: usize, mut work: impl FnMut()) -> f64 {
    work(); // the first time memory is new and caches are cold
    let round = |_| timed(comm, || (0..calls).for_each(|_| work())) / calls as f64;
    median(&(0..rounds).map(round).collect::<Vec<_>>())
}

/// Seconds of a global sum of [`SUM_WORDS`] words that is waited for at once. Not counted in the profile. Collective.
pub fn sum_seconds(comm: &Comm, rounds: usize, calls: usize) -> f64 {
    let comm = comm.with_own_profile();
    let mut words = [0.0; SUM_WORDS];
    seconds_per_call(&comm, rounds, calls, || comm.sum(&mut words))
}

/// Seconds of an exchange of what the channel's buffer holds, until all messages have arrived. Collective.
pub fn exchange_seconds(comm: &Comm, channel: &mut dyn Channel, rounds: usize, calls: usize) -> f64 {
    seconds_per_call(comm, rounds, calls, || {
        channel.start();
        black_box(channel.finish());
    })
}

/// Seconds of global sums of a few words; zeros on one rank.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SumTimes {
    /// Started and waited for at once.
    pub blocking: f64,
    /// Started, and asked after until it is complete.
    pub nonblocking: f64,
    /// What is left of a sum with enough work in between to hide it: starting it, polling, collecting it.
    pub hidden: f64,
}

impl SumTimes {
    /// Of sums of [`SUM_WORDS`] words; takes about six sums for each call. Not counted in the profile. Collective.
    pub fn measured(comm: &Comm, rounds: usize, calls: usize) -> SumTimes {
        if comm.size() == 1 {
            return SumTimes::default();
        }
        let comm = &comm.with_own_profile();
        let mut words = [0.0; SUM_WORDS];
        let mut sum_behind = |pieces: usize, work: &dyn Fn()| {
            seconds_per_call(comm, rounds, calls, || {
                let sum = comm.start_sum(&words);
                for _ in 0..pieces {
                    work();
                    sum.poll();
                }
                sum.finish(&mut words);
            })
        };
        let nonblocking = sum_behind(1, &|| ());
        // All pieces together take as long as two sums.
        let wait = || {
            let begin = comm.clock_seconds();
            while comm.clock_seconds() - begin < 2.0 * nonblocking / PIECES as f64 {
                std::hint::spin_loop();
            }
        };
        let both = sum_behind(PIECES, &wait);
        let work = seconds_per_call(comm, rounds, calls, || (0..PIECES).for_each(|_| wait()));
        let blocking = sum_seconds(comm, rounds, calls);
        SumTimes { blocking, nonblocking, hidden: (both - work).clamp(0.0, nonblocking) }
    }
}

/// How global sums are to travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SumChoice {
    /// The engine's own way; under MPI that is MPI_Iallreduce.
    #[default]
    Engine,
    /// Recursive doubling over this crate's own messages.
    RecursiveDoubling,
    /// The quicker of the two, measured.
    Auto,
}

/// How global sums travel, and why so.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SumWay {
    /// Name of the algorithm.
    pub algorithm: &'static str,
    /// For people.
    pub why: String,
    /// Microseconds of a sum of five words by MPI_Iallreduce and by recursive doubling, if that was measured.
    pub measured_microseconds: Option<[f64; 2]>,
}

/// Sets how `comm`'s sums, and those of its clones, travel from now on. Collective; no sum is in flight.
///
/// Auto measures both ways in turn, five rounds of eleven sums, and takes recursive doubling where it needs less than 0.9 of
/// MPI's time on the slowest rank. Engines that know one way keep it.
///
/// # Errors
/// When recursive doubling is asked for without MPI.
pub fn choose_sum(comm: &Comm, choice: SumChoice) -> Result<SumWay> {
    let set = |algorithm| comm.engine.use_sum_algorithm(algorithm);
    let way = |algorithm: SumAlgorithm, why: &str| SumWay {
        algorithm: algorithm.name(),
        why: why.into(),
        measured_microseconds: None,
    };
    match choice {
        SumChoice::Engine => Ok(way(comm.engine.sum_algorithm(), "default")),
        SumChoice::RecursiveDoubling if set(SumAlgorithm::RecursiveDoubling) => {
            Ok(way(SumAlgorithm::RecursiveDoubling, "as asked for"))
        }
        SumChoice::RecursiveDoubling => Err(Error::usage(
            "--sum recursive-doubling is a way of MPI ranks: start halocg with mpirun, or leave it out",
        )),
        SumChoice::Auto if !set(SumAlgorithm::RecursiveDoubling) => {
            Ok(way(comm.engine.sum_algorithm(), "the only way here"))
        }
        SumChoice::Auto => {
            let ways = [SumAlgorithm::Mpi, SumAlgorithm::RecursiveDoubling];
            let mut least = [f64::INFINITY; 2];
            for _ in 0..ROUNDS {
                for (&way, least) in ways.iter().zip(&mut least) {
                    set(way);
                    *least = least.min(sum_seconds(comm, 1, SUMS));
                }
            }
            // Every rank has the same numbers.
            let [mpi, doubling] = least;
            let algorithm = ways[usize::from(doubling < MARGIN * mpi)];
            set(algorithm);
            let measured = least.map(|seconds| 1e6 * seconds);
            Ok(SumWay {
                why: format!("measured: mpi {:.2} us, recursive-doubling {:.2} us", measured[0], measured[1]),
                measured_microseconds: Some(measured),
                ..way(algorithm, "")
            })
        }
    }
}
