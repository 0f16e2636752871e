//! Global sums in every way that the engine knows: the same bits on every rank, back to back, in flight during exchanges.

use crate::Body;
use crate::support::Random;
use halocg::comm::measure::{SumChoice, SumTimes, choose_sum, exchange_seconds, sum_seconds, timed};
use halocg::comm::{Comm, Op, Part};

pub const BODIES: &[Body] = &[
    ("sums by every algorithm agree", agree),
    ("sums of NaN and infinity", not_finite),
    ("sums back to back, during exchanges", back_to_back),
    ("a way to sum is chosen alike", chosen_alike),
    ("hidden seconds of sums", hidden),
    ("the slowest rank's time is everybody's", slowest),
    ("recursive doubling adds as its tree says", doubling_is_a_tree),
];

/// Runs `body` with each way that this engine knows.
fn with_every_way(comm: &Comm, mut body: impl FnMut()) {
    for choice in [SumChoice::Engine, SumChoice::RecursiveDoubling] {
        if choose_sum(comm, choice).is_ok() {
            body();
        }
    }
}

/// Word k of rank `rank` in a sum of number `round`: exact multiples of a power of two, so that their sum has no rounding.
fn word(rank: usize, round: usize, k: usize) -> f64 {
    ((rank * 37 + round * 11 + k * 5) % 1009) as f64 * 0.25 - 100.0
}

fn agree(comm: &Comm) {
    with_every_way(comm, || {
        for (round, words) in [1, 4, 5, 13, 0, 2, 40_000, 3].into_iter().enumerate() {
            let mut sums: Vec<f64> = (0..words).map(|k| word(comm.rank(), round, k)).collect();
            comm.sum(&mut sums);
            for (k, sum) in sums.iter().enumerate() {
                let expected: f64 = (0..comm.size()).map(|rank| word(rank, round, k)).sum();
                assert_eq!(*sum, expected, "word {k} of {words}");
            }
        }
        // With rounding: the same bits on every rank, and near the sum in another order.
        let mut random = Random::new(5);
        for _ in 0..50 {
            let scale = 10f64.powi(random.below(12) as i32);
            let all: Vec<f64> = (0..comm.size()).map(|rank| scale / (rank as f64 + 3.0)).collect();
            let mut sum = [all[comm.rank()], f64::from(comm.rank() as u32) * 0.1];
            comm.sum(&mut sum);
            let total: f64 = all.iter().sum();
            assert!((sum[0] - total).abs() <= 1e-14 * total, "{} {total}", sum[0]);
            same_bits(comm, &sum);
        }
    });
}

fn same_bits(comm: &Comm, sums: &[f64]) {
    let bits: Vec<u64> = sums.iter().map(|sum| sum.to_bits()).collect();
    for (mine, of_root) in bits.iter().zip(comm.broadcast(0, &bits)) {
        assert_eq!(*mine, of_root, "the bits of rank 0");
    }
}

/// The balanced tree over the ranks; over the first ranks in pairs, where they are no power of two.
fn tree(mine: &[f64]) -> f64 {
    let members = 1 << mine.len().ilog2();
    let (paired, single) = mine.split_at(2 * (mine.len() - members));
    let mut level: Vec<f64> = paired.chunks(2).map(|pair| pair[0] + pair[1]).chain(single.iter().copied()).collect();
    while level.len() > 1 {
        level = level.chunks(2).map(|pair| pair[0] + pair[1]).collect();
    }
    level[0]
}

fn doubling_is_a_tree(comm: &Comm) {
    if choose_sum(comm, SumChoice::RecursiveDoubling).is_err() {
        return;
    }
    let mut others = 0;
    for round in 0..200 {
        let all: Vec<f64> = (0..comm.size()).map(|rank| 1.0 / (3.0 + (rank * 7 + round) as f64)).collect();
        let mut sum = [all[comm.rank()]];
        comm.sum(&mut sum);
        assert_eq!(sum[0].to_bits(), tree(&all).to_bits(), "round {round}");
        others += u32::from(all.iter().sum::<f64>() != sum[0]);
    }
    // From one rank after the other the bits would often be different.
    assert!(comm.size() < 4 || others > 0, "the order matters");
}

fn slowest(comm: &Comm) {
    let nap = std::time::Duration::from_millis(if comm.rank() + 1 == comm.size() { 20 } else { 0 });
    let seconds = [timed(comm, || std::thread::sleep(nap))];
    assert!(seconds[0] >= 0.02, "{seconds:?}");
    same_bits(comm, &seconds);
}

fn not_finite(comm: &Comm) {
    with_every_way(comm, || {
        for odd in 0..comm.size() {
            let special = |value: f64| if comm.rank() == odd { value } else { 1.0 };
            let opposite = if comm.rank() == 0 { f64::NEG_INFINITY } else { special(f64::INFINITY) };
            let mut sums =
                [special(f64::NAN), special(f64::INFINITY), special(f64::NEG_INFINITY), opposite, -0.0, special(1e308)];
            comm.sum(&mut sums);
            assert!(sums[0].is_nan() && sums[1] == f64::INFINITY && sums[2] == f64::NEG_INFINITY);
            assert!(if odd == 0 { sums[3] == f64::NEG_INFINITY } else { sums[3].is_nan() });
            assert_eq!(sums[4].to_bits(), (-0.0f64).to_bits(), "-0 everywhere stays -0");
            assert_eq!(sums[5], 1e308);
            same_bits(comm, &sums[1..]);
        }
    });
}

/// Ranks that dawdle at different times, polls or none, and a ring of messages while the sum is in flight.
fn back_to_back(comm: &Comm) {
    let (rank, size) = (comm.rank(), comm.size());
    let part = |rank| [Part { rank, words: 300 }];
    let mut ring = (size > 1).then(|| comm.channel(&part((rank + 1) % size), &part((rank + size - 1) % size)));
    let mut random = Random::new(rank as u64);
    with_every_way(comm, || {
        for round in 0..300 {
            let words = 1 + round % 7;
            let mine: Vec<f64> = (0..words).map(|k| word(rank, round, k)).collect();
            let sum = comm.start_sum(&mine);
            if let Some(ring) = &mut ring {
                ring.send_buffer().fill(word(rank, round, 99));
                ring.start();
            }
            for _ in 0..random.below(4) {
                comm.poll();
            }
            if random.below(40) == 0 {
                std::thread::sleep(std::time::Duration::from_micros(300));
            }
            let sum_first = round % 3 == 0;
            let mut sums = vec![f64::NAN; words];
            let check = |ring: &mut Option<Box<dyn halocg::comm::Channel>>| {
                if let Some(ring) = ring {
                    let left = (rank + size - 1) % size;
                    assert!(ring.finish().iter().all(|&got| got == word(left, round, 99)));
                }
            };
            if !sum_first {
                check(&mut ring);
            }
            sum.finish(&mut sums);
            if sum_first {
                check(&mut ring);
            }
            for (k, sum) in sums.iter().enumerate() {
                assert_eq!(*sum, (0..size).map(|rank| word(rank, round, k)).sum::<f64>(), "round {round}");
            }
        }
    });
}

fn chosen_alike(comm: &Comm) {
    let way = choose_sum(comm, SumChoice::Auto).expect("auto is never refused");
    let index = ["none", "shared-memory", "mpi", "recursive-doubling"].iter().position(|name| *name == way.algorithm);
    let index = index.expect("a known algorithm") as u64;
    assert_eq!(comm.reduced(Op::Min, index), comm.reduced(Op::Max, index));
    if let Some([mpi, doubling]) = way.measured_microseconds {
        assert_eq!(way.algorithm == "recursive-doubling", doubling < 0.9 * mpi);
    }
    let mut sum = [1.0];
    comm.sum(&mut sum);
    assert_eq!(sum[0], comm.size() as f64);
    // What is measured is not counted, and is the same number on every rank.
    let before = comm.profile().counts().sums;
    let mut channel = comm.channel(&[], &[]);
    let SumTimes { blocking, nonblocking, hidden } = SumTimes::measured(comm, 3, 2);
    let seconds =
        [sum_seconds(comm, 3, 2), exchange_seconds(comm, channel.as_mut(), 3, 2), blocking, nonblocking, hidden];
    assert!(seconds.iter().all(|seconds| (0.0..100.0).contains(seconds)) && hidden <= nonblocking, "{seconds:?}");
    same_bits(comm, &seconds);
    assert_eq!(comm.profile().counts().sums, before);
}

fn hidden(comm: &Comm) {
    let nap = || std::thread::sleep(std::time::Duration::from_millis(2));
    let hidden = || comm.profile().hidden_sum_seconds();
    comm.sum(&mut [1.0]);
    assert_eq!(hidden(), 0.0, "nothing hides a sum that is waited for at once");
    // Never polled: in flight for as long as the other work lasts.
    let sum = comm.start_sum(&[1.0]);
    nap();
    sum.finish(&mut [0.0]);
    let unpolled = hidden();
    assert!(unpolled >= 2e-3, "{unpolled}");
    // A clone that does not know of the sum sees it complete: what comes after that hides nothing. Every rank polls after
    // all others have polled, often enough for any algorithm.
    let clone = comm.with_own_profile();
    let begin = comm.clock_seconds();
    let sum = comm.start_sum(&[1.0]);
    for _ in 0..20 {
        comm.reduced(Op::Max, 0);
        clone.poll();
    }
    let polled = comm.clock_seconds() - begin;
    (0..10).for_each(|_| nap());
    sum.finish(&mut [0.0]);
    let flight = hidden() - unpolled;
    assert!((0.0..=polled).contains(&flight), "{flight} of {polled}");
}
