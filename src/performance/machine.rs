//! A machine in numbers, and from them the parts of an iteration on it.

use super::iteration::{Cut, Parts};
use crate::comm::measure::SumTimes;
use crate::krylov::{Kind, Preconditioning};
use crate::operator::{DistMatrix, MATRIX_FREE, Operator};
use serde::{Deserialize, Serialize};

/// Version of the JSON file's schema; see docs/model.md.
pub const SCHEMA: &str = "halocg-machine/1";

/// Bytes of an f64 word.
const WORD: f64 = size_of::<f64>() as f64;

/// What `measure` found. Seconds and bytes of one rank while all ranks do the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// [`SCHEMA`].
    pub schema: String,
    /// Ranks that measured.
    pub ranks: usize,
    /// What carried them, in words.
    pub engine: String,
    /// The processor's name, if the system tells it.
    pub processor: String,
    /// Memory's rate, by the bytes that a rank goes through again and again; increasing.
    pub bandwidth: Vec<Bandwidth>,
    /// How fast products run in cache, by format.
    pub formats: Vec<FormatRate>,
    /// Global sums; zeros on one rank.
    pub sum: SumTimes,
    /// Exchanges with neighbours; zeros on one rank.
    pub exchange: ExchangeTimes,
    /// Seconds of an iteration that belong to no part of it: scalars, clocks, the driver.
    pub iteration_overhead: f64,
}

/// Bytes per second of one rank, going through `working_set` bytes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bandwidth {
    /// Bytes gone through.
    pub working_set: f64,
    /// Bytes per second, reading only: as products do.
    pub read: f64,
    /// Bytes per second of y ← y + a x, 24 bytes per entry: as updates of vectors do.
    pub update: f64,
}

/// Seconds per row and per entry of a product in cache: what instructions take when memory does not hold them up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FormatRate {
    /// Name of the format.
    pub format: String,
    /// Per row, of one product and of a pair.
    pub per_row: [f64; 2],
    /// Per entry, of one product and of a pair.
    pub per_entry: [f64; 2],
}

/// An exchange takes `latency` + `per_message` × messages + `per_byte` × bytes sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ExchangeTimes {
    /// Seconds, however many neighbours there are: other work may hide them.
    pub latency: f64,
    /// Seconds per neighbour: the rank's own work, never hidden. On two ranks, which have one neighbour, all is here.
    pub per_message: f64,
    /// Seconds per byte.
    pub per_byte: f64,
}

/// A rank's part of a matrix, as far as time depends on it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share {
    /// Owned rows.
    pub rows: f64,
    /// Those of them that touch ghosts.
    pub boundary_rows: f64,
    /// Stored entries.
    pub entries: f64,
    /// What a pass must read of the matrix.
    pub matrix_bytes: f64,
    /// Ghost rows.
    pub ghosts: f64,
    /// Rows sent, counted once per neighbour.
    pub sent_rows: f64,
    /// Messages sent.
    pub messages: f64,
    /// Name of the format of the interior rows.
    pub format: &'static str,
}

impl Share {
    /// This rank's.
    pub fn of(a: &DistMatrix) -> Share {
        let len = a.layout().len();
        Share {
            rows: len as f64,
            boundary_rows: (len - a.layout().interior()) as f64,
            entries: a.stored_entries() as f64,
            matrix_bytes: a.bytes_per_pass(0) as f64,
            ghosts: a.plan().ghosts() as f64,
            sent_rows: a.plan().sent_rows() as f64,
            messages: a.plan().send.len() as f64,
            format: if a.format() == MATRIX_FREE { "runs" } else { a.format() },
        }
    }

    /// As [`Operator::bytes_per_pass`].
    fn bytes_per_pass(&self, vectors: f64) -> f64 {
        self.matrix_bytes + vectors * WORD * (2.0 * self.rows + self.ghosts)
    }
}

impl Machine {
    /// Seconds per iteration of a rank with this share, if all others have one like it.
    pub fn iteration(&self, share: &Share, kind: &Kind, m: Preconditioning, cut: Cut) -> f64 {
        self.parts(share, kind, m, cut).iteration(kind, m, cut) + self.iteration_overhead
    }

    /// The parts of an iteration. They depend on the method through the memory it goes through, and on
    /// whether it is swept; applications of a general M are not modelled.
    pub fn parts(&self, share: &Share, kind: &Kind, m: Preconditioning, cut: Cut) -> Parts {
        let sweeps = cut.sweeps(kind, m);
        let working_set = share.matrix_bytes + f64::from(kind.cost.vectors(m, sweeps)) * WORD * share.rows;
        let (read, update) = (self.rate(working_set, |at| at.read), self.rate(working_set, |at| at.update));
        let in_cache = self.bandwidth.first().map_or(f64::INFINITY, |at| at.update);

        let product = [1, 2].map(|k| {
            let product = self.product_in_cache(share, k).max(share.bytes_per_pass(k as f64) / read);
            let boundary = if share.rows > 0.0 { product * share.boundary_rows / share.rows } else { 0.0 };
            let ExchangeTimes { latency, per_message, per_byte } = self.exchange;
            let flight = latency + per_byte * k as f64 * WORD * share.sent_rows;
            per_message * share.messages + flight.max(product - boundary) + boundary
        });
        let sweep_vectors = f64::from(kind.cost.words_per_row(m, true)) * WORD * share.rows;
        let arithmetic =
            self.product_in_cache(share, 2) + f64::from(kind.cost.vector_words(m)) * WORD * share.rows / in_cache;
        Parts {
            sum: self.sum.blocking,
            hidden_sum: self.sum.nonblocking,
            sum_overhead: self.sum.hidden.min(self.sum.nonblocking),
            exchange: self.exchange.seconds(share.messages, 2.0 * WORD * share.sent_rows),
            product,
            sweep: arithmetic.max(share.matrix_bytes / read + sweep_vectors / update),
            vector: WORD * share.rows / update,
            preconditioner: [0.0; 2],
        }
    }

    /// `k` products at once, if all of it were in cache.
    fn product_in_cache(&self, share: &Share, k: usize) -> f64 {
        let rate = self.formats.iter().find(|rate| rate.format == share.format);
        rate.map_or(0.0, |rate| rate.per_row[k - 1] * share.rows + rate.per_entry[k - 1] * share.entries)
    }

    /// Bytes per second at `working_set` bytes: between two measured sizes on the straight line over the
    /// logarithm of the size, beyond the ends as at the ends.
    fn rate(&self, working_set: f64, of: fn(&Bandwidth) -> f64) -> f64 {
        let points = &self.bandwidth;
        let after = points.partition_point(|point| point.working_set < working_set);
        match (after.checked_sub(1).map(|before| &points[before]), points.get(after)) {
            (Some(before), Some(after)) => {
                let share = (working_set / before.working_set).ln() / (after.working_set / before.working_set).ln();
                of(before) + share * (of(after) - of(before))
            }
            (None, Some(end)) | (Some(end), None) => of(end),
            (None, None) => f64::INFINITY,
        }
    }
}

impl ExchangeTimes {
    /// Seconds of an exchange on its own.
    pub fn seconds(&self, messages: f64, bytes: f64) -> f64 {
        if messages == 0.0 {
            return 0.0;
        }
        self.latency + self.per_message * messages + self.per_byte * bytes
    }

    /// The constants that meet measured (messages, bytes, seconds) best, by the sum of squared relative errors;
    /// none is negative. With one number of messages only, latency and time per message cannot be told
    /// apart: all is booked per message.
    pub fn fit(samples: &[(f64, f64, f64)]) -> ExchangeTimes {
        let several = samples.iter().any(|sample| sample.0 != samples[0].0);
        let mut used = [several, true, true];
        loop {
            // Columns divided by the measured seconds: the right-hand side is 1.
            let rows: Vec<[f64; 3]> =
                samples.iter().map(|&(messages, bytes, seconds)| [1.0, messages, bytes].map(|c| c / seconds)).collect();
            let found = least_squares(&rows, used);
            match (0..3).filter(|&k| found[k] < 0.0).min_by(|&a, &b| found[a].total_cmp(&found[b])) {
                Some(negative) => used[negative] = false,
                None => {
                    let [latency, per_message, per_byte] = found;
                    return ExchangeTimes { latency, per_message, per_byte };
                }
            }
        }
    }
}

/// The x, zero where not `used`, with the least |R x − 1|².
fn least_squares(rows: &[[f64; 3]], used: [bool; 3]) -> [f64; 3] {
    // Columns of very different size: scaled to norm 1.
    let norms = [0, 1, 2].map(|k| rows.iter().map(|row| row[k] * row[k]).sum::<f64>().sqrt());
    let usable = |k: usize| used[k] && norms[k] > 0.0;
    let mut normal = [[0.0; 4]; 3];
    for (j, line) in normal.iter_mut().enumerate() {
        for k in 0..3 {
            line[k] = if usable(j) && usable(k) {
                rows.iter().map(|row| row[j] * row[k]).sum::<f64>() / (norms[j] * norms[k])
            } else {
                f64::from(u8::from(j == k))
            };
        }
        line[3] = if usable(j) { rows.iter().map(|row| row[j]).sum::<f64>() / norms[j] } else { 0.0 };
    }
    // Gauss–Jordan: symmetric positive definite, so the pivots need no search.
    for pivot in 0..3 {
        let by = normal[pivot].map(|entry| entry / normal[pivot][pivot]);
        for (row, line) in normal.iter_mut().enumerate() {
            let factor = line[pivot];
            if row == pivot {
                *line = by;
            } else {
                line.iter_mut().zip(by).for_each(|(entry, by)| *entry -= factor * by);
            }
        }
    }
    [0, 1, 2].map(|k| if usable(k) { normal[k][3] / norms[k] } else { 0.0 })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::krylov::TABLE;

    /// One rank of a machine with round numbers.
    pub fn machine(ranks: usize) -> Machine {
        let at = |working_set, rate| Bandwidth { working_set, read: rate, update: 2.0 * rate };
        let shared = if ranks > 1 { 1.0 } else { 0.0 };
        Machine {
            schema: SCHEMA.into(),
            ranks,
            engine: "for a test".into(),
            processor: "none".into(),
            bandwidth: vec![at(1e5, 100e9), at(1e7, 10e9)],
            formats: vec![FormatRate { format: "csr".into(), per_row: [1e-9; 2], per_entry: [1e-10, 2e-10] }],
            sum: SumTimes { blocking: shared * 1e-6, nonblocking: shared * 2e-6, hidden: shared * 1e-7 },
            exchange: ExchangeTimes { latency: shared * 5e-7, per_message: shared * 1e-7, per_byte: shared * 1e-10 },
            iteration_overhead: 1e-7,
        }
    }

    fn share(rows: f64) -> Share {
        Share {
            rows,
            boundary_rows: 0.0,
            entries: 5.0 * rows,
            matrix_bytes: 64.0 * rows,
            ghosts: 0.0,
            sent_rows: 0.0,
            messages: 0.0,
            format: "csr",
        }
    }

    fn near(a: f64, b: f64) {
        assert!((a - b).abs() <= 1e-9 * a.abs().max(b.abs()), "{a} and {b}");
    }

    #[test]
    fn bandwidth_falls_with_the_logarithm_of_the_working_set() {
        let machine = machine(1);
        let rate = |working_set| machine.rate(working_set, |at| at.read) / 1e9;
        assert_eq!((rate(1.0), rate(1e5), rate(1e7), rate(1e12)), (100.0, 100.0, 10.0, 10.0));
        near(rate(1e6), 55.0);
        assert_eq!(Machine { bandwidth: Vec::new(), ..machine }.rate(1.0, |at| at.read), f64::INFINITY);
    }

    #[test]
    fn on_one_rank_no_sum_and_no_exchange_costs_anything() {
        let (machine, share) = (machine(1), share(1e6));
        let parts = machine.parts(&share, Kind::named("hs-cg").unwrap(), Preconditioning::None, Cut::Passes);
        assert_eq!((parts.sum, parts.hidden_sum, parts.sum_overhead, parts.exchange), (0.0, 0.0, 0.0, 0.0));
        // Out of cache: 64 + 16 bytes per row at 10 GB/s, 9 words per row at 20.
        near(parts.product[0], 8e-3);
        near(parts.iteration(Kind::named("hs-cg").unwrap(), Preconditioning::None, Cut::Passes), 8e-3 + 3.6e-3);
    }

    #[test]
    fn in_cache_instructions_decide() {
        let parts = machine(1).parts(&share(10.0), &TABLE[0], Preconditioning::None, Cut::Passes);
        near(parts.product[0], 10.0 * 1e-9 + 50.0 * 1e-10);
        near(parts.product[1], 10.0 * 1e-9 + 50.0 * 2e-10);
    }

    #[test]
    fn an_exchange_hides_behind_interior_rows_only() {
        let alone = share(1e4);
        let neighbour = Share { sent_rows: 100.0, ghosts: 0.0, messages: 2.0, ..alone };
        let time = |share: &Share| machine(2).parts(share, &TABLE[0], Preconditioning::None, Cut::Passes).product[0];
        // Its flight is shorter than the product: what remains is the work on two messages.
        near(time(&neighbour) - time(&alone), 2e-7);
        let all_boundary = Share { boundary_rows: 1e4, ..neighbour };
        near(time(&all_boundary) - time(&alone), 2e-7 + 5e-7 + 800.0 * 1e-10);
    }

    #[test]
    fn more_of_anything_takes_longer_and_slow_sums_favour_pipelining() {
        for kind in TABLE {
            for cut in [Cut::Passes, Cut::OneSweep] {
                let time = |machine: &Machine, rows| machine.iteration(&share(rows), kind, Preconditioning::None, cut);
                assert!(time(&machine(1), 1e3) < time(&machine(1), 1e4));
                assert!(time(&machine(1), 1e3) < time(&machine(2), 1e3), "{}", kind.name);
            }
        }
        let slow = Machine { sum: SumTimes { blocking: 1e-2, nonblocking: 1e-2, hidden: 1e-7 }, ..machine(2) };
        let time = |name| slow.iteration(&share(10.0), Kind::named(name).unwrap(), Preconditioning::None, Cut::Passes);
        assert!((time("hs-cg") / time("pipe-pr-cg") - 2.0).abs() < 0.01);
    }

    #[test]
    fn constants_of_an_exchange_are_found_again() {
        let truth = ExchangeTimes { latency: 3e-6, per_message: 4e-7, per_byte: 1e-10 };
        let sample = |messages: f64, bytes: f64| (messages, bytes, truth.seconds(messages, bytes));
        let samples: Vec<_> =
            (1..=4).flat_map(|m| [8.0, 1e3, 1e5].map(|bytes| sample(f64::from(m), f64::from(m) * bytes))).collect();
        let found = ExchangeTimes::fit(&samples);
        for (found, truth) in
            [(found.latency, truth.latency), (found.per_message, truth.per_message), (found.per_byte, truth.per_byte)]
        {
            assert!((found / truth - 1.0).abs() < 1e-6, "{found:e} for {truth:e}");
        }
        // One neighbour: latency and time per message are one.
        let one = ExchangeTimes::fit(&[sample(1.0, 8.0), sample(1.0, 1e5)]);
        assert_eq!(one.latency, 0.0);
        assert!((one.per_message / (truth.latency + truth.per_message) - 1.0).abs() < 1e-6);
        // Larger messages that are not slower give no negative constant.
        let flat = ExchangeTimes::fit(&[(1.0, 8.0, 2e-6), (1.0, 1e3, 1.9e-6), (2.0, 1e3, 1.8e-6)]);
        assert!(flat.latency >= 0.0 && flat.per_message >= 0.0 && flat.per_byte >= 0.0, "{flat:?}");
        assert!(flat.seconds(1.0, 8.0) > 1e-6);
        assert_eq!(flat.seconds(0.0, 0.0), 0.0);
    }

    #[test]
    fn a_machine_survives_its_file() {
        let text = serde_json::to_string(&machine(3)).unwrap();
        assert_eq!(serde_json::from_str::<Machine>(&text).unwrap(), machine(3));
    }
}
