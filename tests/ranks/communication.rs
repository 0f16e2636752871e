//! The operations of `Comm`.

use crate::Body;
use crate::support::{Random, few};
use halocg::comm::{Comm, Op, Part};
use halocg::error::{Error, ExitCode};

pub const BODIES: &[Body] = &[
    ("sums", sums),
    ("large sums", large_sums),
    ("reductions, broadcast, gather", reductions),
    ("sparse exchange", sparse_exchange),
    ("persistent exchange", persistent_exchange),
    ("agreement on errors", agreement),
];

fn sums(comm: &Comm) {
    for round in 0..few(200) {
        let words = 1 + round % 9;
        let mine: Vec<f64> = (0..words).map(|k| (comm.rank() * 10 + k + round) as f64).collect();
        let sum = comm.start_sum(&mine);
        if round % 2 == 0 {
            sum.poll();
        }
        let mut total = vec![f64::NAN; words];
        sum.finish(&mut total);
        for (k, total) in total.iter().enumerate() {
            let expected: usize = (0..comm.size()).map(|rank| rank * 10 + k + round).sum();
            assert_eq!(*total, expected as f64);
        }
    }
    // The same bits everywhere, whatever the order of addition.
    let mut sum = [1.0 / (comm.rank() as f64 + 3.0)];
    comm.sum(&mut sum);
    let mut bits = [sum[0].to_bits(); 2];
    comm.reduce_u64(Op::Min, &mut bits[..1]);
    comm.reduce_u64(Op::Max, &mut bits[1..]);
    assert_eq!(bits[0], bits[1]);
}

fn large_sums(comm: &Comm) {
    for words in [few(30_000), 3, few(50_001)] {
        let mut sum: Vec<f64> = (0..words).map(|k| (k % 1000 + comm.rank()) as f64).collect();
        comm.sum(&mut sum);
        let ranks = comm.size();
        for (k, sum) in sum.iter().enumerate() {
            assert_eq!(*sum, (ranks * (k % 1000) + ranks * (ranks - 1) / 2) as f64);
        }
    }
}

fn reductions(comm: &Comm) {
    let (rank, last) = (comm.rank() as u64, comm.size() as u64 - 1);
    assert_eq!(comm.reduced(Op::Sum, rank), last * (last + 1) / 2);
    assert_eq!(comm.reduced(Op::Min, rank + 5), 5);
    assert_eq!(comm.reduced(Op::Max, rank), last);
    assert_eq!(comm.reduced(Op::Min, if rank == last { 1 } else { u64::MAX }), 1);
    assert_eq!(comm.reduced(Op::Max, if rank == last { u64::MAX } else { 1 }), u64::MAX);
    assert_eq!(comm.sum_before(rank + 3), ((0..rank).map(|r| r + 3).sum(), (0..=last).map(|r| r + 3).sum()));
    let mut reals = [rank as f64 - 0.5, -1.0];
    comm.reduce_f64(Op::Min, &mut reals);
    assert_eq!(reals, [-0.5, -1.0]);
    for root in 0..comm.size() {
        let items: Vec<u64> = if comm.rank() == root { (0..root as u64 * 3).collect() } else { vec![7] };
        assert_eq!(comm.broadcast(root, &items), (0..root as u64 * 3).collect::<Vec<_>>());
        let gathered = comm.gather(root, &vec![rank as f64; comm.rank()]);
        if comm.rank() == root {
            let expected: Vec<Vec<f64>> = (0..comm.size()).map(|rank| vec![rank as f64; rank]).collect();
            assert_eq!(gathered, expected);
        } else {
            assert!(gathered.is_empty());
        }
    }
}

/// Every rank knows all messages from the seed, so each can check what it must have received.
fn sparse_exchange(comm: &Comm) {
    let mut random = Random::new(11);
    for round in 0..few(40) {
        let mut expected = Vec::new();
        let mut outgoing = Vec::new();
        for from in 0..comm.size() {
            for to in 0..comm.size() {
                if random.below(3) == 0 {
                    // Empty messages arrive too; some are long enough for a rendezvous.
                    let length = [0, 1, 17, few(20_000)][random.below(4)];
                    let items: Vec<u64> = (0..length).map(|k| (from * 1000 + to * 100 + round + k) as u64).collect();
                    if from == comm.rank() {
                        outgoing.push((to, items.clone()));
                    }
                    if to == comm.rank() {
                        expected.push((from, items));
                    }
                }
            }
        }
        assert!(comm.sparse_exchange(outgoing) == expected, "round {round}");
    }
}

/// A ring in one direction with messages of different lengths, and a second channel the other way
/// round in between; some ranks are slow.
fn persistent_exchange(comm: &Comm) {
    if comm.size() == 1 {
        let mut channel = comm.channel(&[], &[]);
        channel.start();
        assert!(channel.finish().is_empty());
        return;
    }
    let (rank, size) = (comm.rank(), comm.size());
    let (next, previous) = ((rank + 1) % size, (rank + size - 1) % size);
    let part = |rank, words| Part { rank, words };
    let mut ahead = comm.channel(&[part(next, rank + 1)], &[part(previous, previous + 1)]);
    let mut back = comm.channel(&[part(previous, 3)], &[part(next, 3)]);
    for round in 0..few(300) {
        ahead.send_buffer().fill((rank * 1000 + round) as f64);
        ahead.start();
        back.send_buffer().fill(-((rank * 1000 + round) as f64));
        back.start();
        if round % 50 == 0 && rank == round / 50 % size {
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        assert_eq!(ahead.finish(), vec![(previous * 1000 + round) as f64; previous + 1]);
        assert_eq!(back.finish(), [-((next * 1000 + round) as f64); 3]);
    }
}

fn agreement(comm: &Comm) {
    assert_eq!(comm.agree(Ok(comm.rank())), Ok(comm.rank()));
    for first in 0..comm.size() {
        // Everybody from `first` on fails; the lowest failing rank is heard.
        let result = if comm.rank() >= first {
            Err(Error::new(ExitCode::NotSpd, format!("rank {} is to blame", comm.rank())))
        } else {
            Ok(())
        };
        let agreed = comm.agree(result).expect_err("some rank failed");
        assert_eq!(agreed.to_string(), format!("rank {first} is to blame"));
        assert_eq!(agreed.exit_code(), ExitCode::NotSpd);
    }
}
