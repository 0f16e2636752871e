//! What a run took: seconds, messages and memory traffic, memory, and the bandwidth that it could have had.

use super::facts::Spread;
use crate::comm::{Comm, Counts, Op, Phase};
use crate::memory;
use crate::performance::update_rate;
use serde::Serialize;

/// Seconds before the solve, of the slowest rank.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct SetupSeconds {
    /// Reading or generating, and writing the matrix where that is asked for.
    pub load: f64,
    /// Deciding who owns what.
    pub partition: f64,
    /// Moving rows to their owners, numbering them, planning the halo.
    pub distribute: f64,
    /// Checking the diagonal and building the preconditioner.
    pub preconditioner: f64,
    /// Reading or forming the right-hand side and the initial guess.
    pub vectors: f64,
}

impl SetupSeconds {
    /// Its stages in turn, by name.
    pub fn stages(&self) -> [(&'static str, f64); 5] {
        let SetupSeconds { load, partition, distribute, preconditioner, vectors } = *self;
        [
            ("load", load),
            ("partition", partition),
            ("distribute", distribute),
            ("preconditioner", preconditioner),
            ("vectors", vectors),
        ]
    }

    /// All of them.
    pub fn total(&self) -> f64 {
        self.stages().iter().map(|(_, seconds)| seconds).sum()
    }
}

/// Seconds of one phase of the solve.
#[derive(Clone, Debug, Serialize)]
pub struct PhaseSeconds {
    /// `product`, `exchange`, `sum`, `preconditioner`, `vectors`.
    pub name: &'static str,
    /// Over the ranks.
    pub seconds: Spread,
    /// Memory traffic by the byte model, of all ranks, over the time of the slowest one: 1e9 bytes per second; null where
    /// there is no model of it, or nothing was done.
    pub gigabytes_per_second: Option<f64>,
}

impl PhaseSeconds {
    /// Of this rank's seconds in each phase, and the bytes that it moved meanwhile. Collective.
    pub fn new(comm: &Comm, spent: &[f64; Phase::ALL.len()], bytes: impl Fn(Phase) -> u64) -> Vec<PhaseSeconds> {
        Phase::ALL
            .iter()
            .map(|&phase| {
                let seconds = Spread::over(comm, spent[phase as usize]);
                let gigabytes = comm.reduced(Op::Sum, bytes(phase)) as f64 / 1e9;
                let is_known = gigabytes > 0.0 && seconds.max > 0.0;
                let gigabytes_per_second = is_known.then(|| gigabytes / seconds.max);
                PhaseSeconds { name: phase.name(), seconds, gigabytes_per_second }
            })
            .collect()
    }
}

/// What the solve moved. Messages, bytes and memory traffic are those of all ranks together; sums,
/// passes and products involve every rank and are counted once.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Traffic {
    /// Global sums (each involves every rank).
    pub sums: u64,
    /// Those that were waited for at once.
    pub blocking_sums: u64,
    /// f64 words reduced, per iteration.
    pub sum_words_per_iteration: f64,
    /// Passes over A.
    pub passes: u64,
    /// Vectors multiplied by A.
    pub products: u64,
    /// Vectors that the preconditioner multiplied by A; not in the two before.
    pub preconditioner_products: u64,
    /// Halo messages, per iteration; this and the next include the preconditioner's.
    pub messages_per_iteration: f64,
    /// Halo bytes, per iteration.
    pub halo_bytes_per_iteration: f64,
    /// Memory traffic of the products by the operator's model, over the time of the slowest rank's products: 1e9 bytes per second.
    pub product_gigabytes_per_second: f64,
    /// The same of sweeps.
    pub sweep_gigabytes_per_second: f64,
}

impl Traffic {
    /// From this rank's counts of a solve of `iterations`, the method's and the preconditioner's own. Collective.
    pub fn new(comm: &Comm, counts: &Counts, of_m: &Counts, iterations: u64, phases: &[PhaseSeconds]) -> Traffic {
        let mut totals = [counts.messages + of_m.messages, counts.message_words + of_m.message_words];
        comm.reduce_u64(Op::Sum, &mut totals);
        let [messages, message_words] = totals.map(|total| total as f64);
        let rate = |phase: Phase| phases[phase as usize].gigabytes_per_second.unwrap_or(0.0);
        let per_iteration = |total: f64| {
            if iterations > 0 { total / iterations as f64 } else { 0.0 }
        };
        Traffic {
            sums: counts.sums,
            blocking_sums: counts.blocking_sums,
            sum_words_per_iteration: per_iteration(counts.sum_words as f64),
            passes: counts.passes,
            products: counts.products,
            preconditioner_products: of_m.products,
            messages_per_iteration: per_iteration(messages),
            halo_bytes_per_iteration: per_iteration(message_words * size_of::<f64>() as f64),
            product_gigabytes_per_second: rate(Phase::Product),
            sweep_gigabytes_per_second: rate(Phase::Sweep),
        }
    }
}

/// Memory of a rank.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct MemoryFacts {
    /// Bytes of the matrix that a pass reads.
    pub matrix_bytes: Spread,
    /// Bytes of the vectors of the method and of the right-hand side.
    pub vector_bytes: Spread,
    /// The most bytes that the process has held up to the end of the solve, everything included; with ranks as threads the same
    /// process for all of them. None where the system does not tell.
    pub peak_bytes: Option<Spread>,
}

impl MemoryFacts {
    /// Of this rank's matrix, and of `vectors` vectors of `rows` numbers. Collective.
    pub fn new(comm: &Comm, matrix_bytes: u64, vectors: u32, rows: usize) -> MemoryFacts {
        let peak = memory::peak_bytes();
        let is_known = comm.reduced(Op::Min, u64::from(peak.is_some())) == 1;
        MemoryFacts {
            matrix_bytes: Spread::over(comm, matrix_bytes as f64),
            vector_bytes: Spread::over(comm, (vectors as usize * rows * size_of::<f64>()) as f64),
            peak_bytes: is_known.then(|| Spread::over(comm, peak.unwrap_or(0) as f64)),
        }
    }
}

/// What memory delivers to all ranks together while each of them updates two arrays in place (y + a x): 1e9 bytes per second,
/// measured in the same run.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct BandwidthFacts {
    /// Bytes per rank of arrays as large as the matrix and the vectors of the largest rank, within 64 KiB and 64 MiB.
    pub working_set_bytes: u64,
    /// With these arrays: what the phases are measured against.
    pub gigabytes_per_second: f64,
    /// Bytes per rank of arrays that are to lie in memory, not in a cache.
    pub memory_working_set_bytes: u64,
    /// With those.
    pub memory_gigabytes_per_second: f64,
}

/// Percent of the bandwidth that are explained if they are exceeded.
const MOST_PERCENT: f64 = 110.0;

impl BandwidthFacts {
    /// Percent of it that a phase's `rate` is, in 1e9 bytes per second.
    pub(super) fn percent(&self, rate: f64) -> f64 {
        100.0 * rate / self.gigabytes_per_second
    }

    /// Why a phase may have had more than all of it, if one did, by more than the noise of such measurements.
    pub(super) fn excess(&self, phases: &[PhaseSeconds]) -> Option<String> {
        let is_above =
            |phase: &&PhaseSeconds| phase.gigabytes_per_second.is_some_and(|rate| self.percent(rate) > MOST_PERCENT);
        let phase = phases.iter().find(is_above)?.name;
        Some(format!("{phase} had more: its data lay in a nearer cache, or others used the machine meanwhile"))
    }

    /// Measured, after a solve that took `memory`. Collective; takes some tenths of a second.
    pub fn measured(comm: &Comm, memory: &MemoryFacts) -> BandwidthFacts {
        let (memory_working_set_bytes, memory_rate) = update_rate(comm, u64::MAX);
        let solve = (memory.matrix_bytes.max + memory.vector_bytes.max) as u64;
        // Two figures for the same arrays would only confuse.
        let (working_set_bytes, rate) = match solve >= memory_working_set_bytes {
            true => (memory_working_set_bytes, memory_rate),
            false => update_rate(comm, solve),
        };
        BandwidthFacts {
            working_set_bytes,
            gigabytes_per_second: rate / 1e9,
            memory_working_set_bytes,
            memory_gigabytes_per_second: memory_rate / 1e9,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_the_bandwidth_is_explained() {
        let bandwidth = BandwidthFacts {
            working_set_bytes: 1 << 16,
            gigabytes_per_second: 10.0,
            memory_working_set_bytes: 1 << 26,
            memory_gigabytes_per_second: 5.0,
        };
        let phase = |rate| {
            let seconds = Spread { min: 1.0, avg: 1.0, max: 1.0 };
            PhaseSeconds { name: "product", seconds, gigabytes_per_second: rate }
        };
        assert_eq!(bandwidth.percent(7.5), 75.0);
        assert_eq!(bandwidth.excess(&[phase(Some(10.5)), phase(None)]), None);
        assert!(
            bandwidth
                .excess(&[phase(Some(3.0)), phase(Some(12.0))])
                .is_some_and(|why| why.starts_with("product had more"))
        );
    }
}
