//! What sums and exchanges take, measured; and the choice between ways to sum that follows from it.

use super::{Channel, Comm, Op, SumAlgorithm};
use crate::error::{Error, Result};
use serde::Serialize;

/// Words of the sum that is measured: those of PIPE-PR-CG with a preconditioner.
const WORDS: usize = 5;
/// Rounds of a choice; in each both ways are measured, in turn.
const ROUNDS: usize = 5;
/// Sums of a round.
const SUMS: usize = 11;
/// By how much another way must be the quicker one before it is taken.
const MARGIN: f64 = 0.9;

/// Seconds of one global sum of `words` words that is waited for at once: the median of `repetitions`,
/// on the slowest rank; the same number on every rank. Not counted in the profile. Collective.
pub fn sum_seconds(comm: &Comm, words: usize, repetitions: usize) -> f64 {
    let mut words = vec![0.0; words];
    let comm = comm.with_own_profile();
    comm.sum(&mut words); // they begin together
    median_seconds(&comm, repetitions, || comm.sum(&mut words))
}

/// Seconds of one exchange, from its start until all messages have arrived: the median of `repetitions`, on the slowest
/// rank; the same number on every rank. Sends what the channel's buffer holds. Collective.
pub fn exchange_seconds(comm: &Comm, channel: &mut dyn Channel, repetitions: usize) -> f64 {
    comm.with_own_profile().sum(&mut [0.0]);
    median_seconds(comm, repetitions, || {
        channel.start();
        channel.finish();
    })
}

fn median_seconds(comm: &Comm, repetitions: usize, mut work: impl FnMut()) -> f64 {
    let mut seconds: Vec<f64> = (0..repetitions.max(1))
        .map(|_| {
            let begin = comm.clock_seconds();
            work();
            comm.clock_seconds() - begin
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    let mut median = [seconds[seconds.len() / 2]];
    comm.reduce_f64(Op::Max, &mut median);
    median[0]
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
                    *least = least.min(sum_seconds(comm, WORDS, SUMS));
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
