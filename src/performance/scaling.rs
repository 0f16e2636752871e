//! The same machine, more of it: what sums and exchanges take on another number of ranks.

use super::machine::{ExchangeTimes, Machine, Share};
use crate::comm::measure::SumTimes;
use crate::partition::PartLoad;

/// What lies between groups of ranks that are like the measured one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Network {
    /// Seconds of a message from one group to another, and of a step of a sum between groups.
    pub hop_seconds: f64,
    /// Bytes per second of one rank's messages.
    pub bytes_per_second: f64,
}

/// Steps in which `ranks` ranks sum by doubling.
fn steps(ranks: usize) -> f64 {
    f64::from(ranks.next_power_of_two().trailing_zeros())
}

impl Machine {
    /// The machine on `ranks` ranks. Up to as many as were measured, and beyond them without a network, each of the
    /// log₂ P steps of a sum takes what a step took in the measurement. With a network, ranks come in groups as large as
    /// the measured one: the steps between groups, and exchanges, take what the network does.
    pub fn on(&self, ranks: usize, network: Option<&Network>) -> Machine {
        let network = network.filter(|_| ranks > self.ranks);
        let (inside, between) = match network {
            None => (steps(ranks), 0.0),
            Some(_) => (steps(self.ranks), steps(ranks.div_ceil(self.ranks))),
        };
        let measured = steps(self.ranks).max(1.0);
        let hops = between * network.map_or(0.0, |network| network.hop_seconds);
        let sum = |seconds: f64| seconds / measured * inside + hops;
        let exchange = match network {
            _ if ranks == 1 => ExchangeTimes::default(),
            None => self.exchange,
            Some(network) => ExchangeTimes {
                latency: network.hop_seconds,
                per_byte: self.exchange.per_byte.max(1.0 / network.bytes_per_second),
                ..self.exchange
            },
        };
        Machine {
            ranks,
            sum: SumTimes {
                blocking: sum(self.sum.blocking),
                nonblocking: sum(self.sum.nonblocking),
                hidden: if ranks == 1 { 0.0 } else { self.sum.hidden },
            },
            exchange,
            ..self.clone()
        }
    }
}

impl Share {
    /// A part of a matrix that is not distributed like that yet. `bytes_per_row` and `format` are those of the whole
    /// matrix as it is kept now; every row that is sent is taken for a boundary row, kept entry by entry.
    pub fn estimated(load: &PartLoad, bytes_per_row: f64, format: &'static str) -> Share {
        let (rows, entries) = (load.rows as f64, load.nonzeros as f64);
        let boundary_rows = load.sent.min(load.rows) as f64;
        let boundary_bytes = if rows > 0.0 { 8.0 + 12.0 * entries / rows } else { 0.0 };
        Share {
            rows,
            boundary_rows,
            entries,
            matrix_bytes: (rows - boundary_rows) * bytes_per_row + boundary_rows * boundary_bytes,
            ghosts: load.ghosts as f64,
            sent_rows: load.sent as f64,
            messages: load.neighbours as f64,
            format,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::machine::tests::machine;
    use super::*;

    #[test]
    fn steps_of_a_sum_are_those_of_doubling() {
        assert_eq!([1, 2, 3, 4, 5, 8, 1024].map(steps), [0.0, 1.0, 2.0, 2.0, 3.0, 3.0, 10.0]);
    }

    #[test]
    fn on_one_rank_nothing_is_waited_for_and_on_as_many_as_measured_nothing_changes() {
        let four = machine(4);
        assert_eq!(four.on(4, None), four);
        let network = Network { hop_seconds: 1e-3, bytes_per_second: 1e9 };
        assert_eq!(four.on(4, Some(&network)), four);
        assert_eq!(four.on(1, None).sum, SumTimes::default());
        assert_eq!(four.on(1, None).exchange, ExchangeTimes::default());
    }

    #[test]
    fn a_network_is_paid_for_between_groups_only() {
        let four = machine(4);
        let network = Network { hop_seconds: 1e-3, bytes_per_second: 1e6 };
        let near = |a: f64, b: f64| assert!((a / b - 1.0).abs() < 1e-12, "{a} {b}");
        near(four.on(16, None).sum.blocking, 2.0 * four.sum.blocking);
        near(four.on(2, Some(&network)).sum.blocking, 0.5 * four.sum.blocking);
        near(four.on(64, Some(&network)).sum.blocking, four.sum.blocking + 4e-3);
        near(four.on(64, Some(&network)).exchange.latency, 1e-3);
        near(four.on(64, Some(&network)).exchange.per_byte, 1e-6);
        near(four.on(64, Some(&network)).sum.hidden, four.sum.hidden);
        // Measured on one rank, every rank is a group.
        near(machine(1).on(8, Some(&network)).sum.nonblocking, 3e-3);
    }

    #[test]
    fn a_part_without_neighbours_is_as_the_whole() {
        let load = PartLoad { rows: 10, nonzeros: 50, ..PartLoad::default() };
        let share = Share::estimated(&load, 64.0, "csr");
        assert_eq!((share.matrix_bytes, share.boundary_rows, share.messages), (640.0, 0.0, 0.0));
        let sends = PartLoad { sent: 25, neighbours: 3, ..load };
        assert_eq!(Share::estimated(&sends, 64.0, "csr").matrix_bytes, 680.0, "all rows at the boundary");
        assert_eq!(Share::estimated(&PartLoad::default(), 64.0, "csr").matrix_bytes, 0.0);
    }
}
