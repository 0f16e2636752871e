//! A machine measured: what `halocg machine` runs.

use super::kernels::{Stream, Streams, iteration, own_grid, ring};
use super::machine::{Bandwidth, ExchangeTimes, FormatRate, Machine, SCHEMA};
use crate::comm::measure::{SumTimes, exchange_seconds, median, seconds_per_call};
use crate::comm::{Comm, Op};
use crate::krylov::Kind;
use crate::operator::{FORMATS, Format, Operator};
use crate::preconditioner::Identity;
use crate::problem::Stencil;
use std::hint::black_box;

/// How much trouble is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort {
    /// Timings of which the median counts.
    pub(super) rounds: usize,
    /// Sums, exchanges or products in one timing.
    pub(super) calls: usize,
    /// Bytes gone through in one timing of the memory, and the largest working set: a power of two.
    largest: u32,
    /// Rows of the largest grid in a check of the model.
    pub(super) rows: u64,
}

impl Effort {
    /// Some seconds: for figures to work with.
    pub const FULL: Effort = Effort { rounds: 7, calls: 100, largest: 26, rows: u64::MAX };
    /// A fraction of a second, for a first look: nothing out of cache, hardly a median.
    pub const QUICK: Effort = Effort { rounds: 3, calls: 10, largest: 22, rows: 20_000 };
}

/// The smallest working set of the bandwidth: 64 KiB.
const SMALLEST: u32 = 16;
/// An exchange is measured with up to so many neighbours.
const NEIGHBOURS: usize = 4;

/// Measures the machine that the ranks of `comm` run on, all of them busy; takes some seconds. Collective; the
/// same result on every rank.
pub fn measure(comm: &Comm, effort: Effort) -> Machine {
    Machine {
        schema: SCHEMA.into(),
        ranks: comm.size(),
        engine: comm.describe(),
        processor: processor(),
        bandwidth: bandwidth(comm, effort),
        formats: FORMATS.iter().map(|format| format_rate(comm, effort, format)).collect(),
        sum: SumTimes::measured(comm, effort.rounds, effort.calls),
        exchange: exchange_times(comm, effort),
        iteration_overhead: iteration_overhead(comm, effort),
    }
}

/// Bytes per second of all ranks together while each updates arrays of `working_set` bytes in place (y ← y + a x), which
/// is clamped to 64 KiB … 64 MiB: the working set in the end, and the rate. Some hundredths of a second. Collective; the
/// same result on every rank.
pub fn update_rate(comm: &Comm, working_set: u64) -> (u64, f64) {
    const ROUNDS: usize = 5;
    let working_set = working_set.clamp(1 << SMALLEST, 1 << Effort::FULL.largest);
    let len = working_set as usize / Stream::Update.arrays() / size_of::<f64>();
    let mut streams = Streams::new(len);
    let passes = (1 << Effort::FULL.largest) / working_set as usize;
    let together = comm.with_own_profile();
    let seconds = seconds_per_call(comm, ROUNDS, 1, || {
        (0..passes).for_each(|_| streams.pass(Stream::Update, len));
        // Until the last rank is done: with more ranks than processors they take turns.
        together.sum(&mut [0.0]);
    });
    (working_set, (comm.size() * passes * Stream::Update.words() * size_of::<f64>() * len) as f64 / seconds)
}

/// The processor's name as Linux tells it.
pub fn processor() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find(|line| line.starts_with("model name")).and_then(|line| line.split(": ").nth(1));
    model.unwrap_or("unknown processor").trim().into()
}

fn bandwidth(comm: &Comm, effort: Effort) -> Vec<Bandwidth> {
    let mut streams = Streams::new((1 << effort.largest) / size_of::<f64>());
    let mut rate = |stream: Stream, working_set: usize| {
        let len = working_set / stream.arrays() / size_of::<f64>();
        let passes = (1 << effort.largest) / working_set;
        let seconds = seconds_per_call(comm, effort.rounds, passes, || streams.pass(stream, len));
        (stream.words() * size_of::<f64>() * len) as f64 / seconds
    };
    let point = |power: u32| {
        let bytes = 1 << power;
        let (read, update) = (rate(Stream::Read, bytes), rate(Stream::Update, bytes));
        Bandwidth { working_set: bytes as f64, read, update }
    };
    (SMALLEST..=effort.largest).step_by(2).map(point).collect()
}

/// Two grids that fit into the second-level cache, with few and with many entries per row, give both constants.
fn format_rate(comm: &Comm, effort: Effort, format: &'static Format) -> FormatRate {
    let few = Stencil::new([64, 36, 1], 2, 5).expect("a grid");
    let many = Stencil::new([64, 6, 6], 3, 27).expect("a grid");
    // Rows, entries, seconds of one product and of a pair.
    let [few, many] = [few, many].map(|grid| {
        let mut a = own_grid(&grid, format);
        let len = a.layout().len();
        let (x, mut y) = (vec![1.0; len], vec![0.0; len]);
        let single = seconds_per_call(comm, effort.rounds, effort.calls, || a.apply(black_box(&x), &mut y));
        let (x, mut y) = (vec![[1.0; 2]; len], vec![[0.0; 2]; len]);
        let pair = seconds_per_call(comm, effort.rounds, effort.calls, || a.apply_pair(black_box(&x), &mut y));
        (len as f64, a.stored_entries() as f64, [single, pair])
    });
    let mut rate = FormatRate { format: format.name.into(), per_row: [0.0; 2], per_entry: [0.0; 2] };
    for k in 0..2 {
        let ((few_rows, few_entries, few), (many_rows, many_entries, many)) = (few, many);
        let determinant = few_rows * many_entries - many_rows * few_entries;
        let per_row = (few[k] * many_entries - many[k] * few_entries) / determinant;
        // Neither is negative: then the other one explains the grid with many entries alone.
        rate.per_row[k] = per_row.clamp(0.0, many[k] / many_rows);
        rate.per_entry[k] = ((many[k] - rate.per_row[k] * many_rows) / many_entries).max(0.0); // by rounding
    }
    rate
}

fn exchange_times(comm: &Comm, effort: Effort) -> ExchangeTimes {
    if comm.size() == 1 {
        return ExchangeTimes::default();
    }
    let mut samples = Vec::new();
    for neighbours in 1..=NEIGHBOURS.min(comm.size() - 1) {
        for words in [1, 64, 1024, 16384] {
            let mut channel = ring(comm, neighbours, words);
            let seconds = exchange_seconds(comm, channel.as_mut(), effort.rounds, effort.calls);
            samples.push((neighbours as f64, (neighbours * words * size_of::<f64>()) as f64, seconds));
        }
    }
    ExchangeTimes::fit(&samples)
}

/// An iteration on so few rows that they cost nothing, with nobody to talk to.
fn iteration_overhead(comm: &Comm, effort: Effort) -> f64 {
    let grid = Stencil::new([6, 6, 1], 2, 5).expect("a grid");
    let mut a = own_grid(&grid, &FORMATS[0]);
    let kind = Kind::named("pr-cg").expect("in the table");
    let times: Vec<f64> = (0..10 * effort.rounds).map(|_| iteration(&mut a, &mut Identity, kind, 16)).collect();
    let mut seconds = [median(&times)];
    comm.reduce_f64(Op::Max, &mut seconds);
    seconds[0]
}
