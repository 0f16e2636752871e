//! What a rank has spent and sent so far: seconds per phase, and counts.

use std::cell::Cell;

/// Where the time of a solve goes. Waiting is told apart from working.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// Matrix products, with what is fused into them.
    Product,
    /// Packing, starting and waiting for halo messages: the part no product hides.
    Exchange,
    /// Starting and waiting for sums: the part no product hides.
    Sum,
    /// Applying the preconditioner.
    Preconditioner,
    /// Vector updates and local inner products.
    Vectors,
    /// Products and vector updates in one pass.
    Sweep,
}

impl Phase {
    /// All phases, in the order of reports.
    pub const ALL: [Phase; 6] =
        [Phase::Product, Phase::Exchange, Phase::Sum, Phase::Preconditioner, Phase::Vectors, Phase::Sweep];

    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Product => "product",
            Phase::Exchange => "exchange",
            Phase::Sum => "sum",
            Phase::Preconditioner => "preconditioner",
            Phase::Vectors => "vectors",
            Phase::Sweep => "sweep",
        }
    }
}

/// Counts since the start, of one rank.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Non-blocking global sums started.
    pub sums: u64,
    /// Those of them that were waited for at once, with nothing done in between.
    pub blocking_sums: u64,
    /// f64 words in those sums.
    pub sum_words: u64,
    /// Halo messages sent.
    pub messages: u64,
    /// f64 words in those messages.
    pub message_words: u64,
    /// Passes over the rows of A.
    pub passes: u64,
    /// Those of them that were made while a sum was in flight.
    pub overlapped_passes: u64,
    /// Vectors multiplied by A; a pair counts twice but is one pass.
    pub products: u64,
    /// Bytes those passes must move from memory, by the operator's model.
    pub product_bytes: u64,
    /// The same for passes that update the vectors as well.
    pub sweep_bytes: u64,
    /// Vectors the preconditioner was applied to.
    pub preconditioned: u64,
    /// Collective operations of the set-up (reductions, broadcasts, sparse exchanges); none in an iteration.
    pub setup_collectives: u64,
}

impl Counts {
    /// What came in between `earlier` and now.
    pub fn since(&self, earlier: &Counts) -> Counts {
        Counts {
            sums: self.sums - earlier.sums,
            blocking_sums: self.blocking_sums - earlier.blocking_sums,
            sum_words: self.sum_words - earlier.sum_words,
            messages: self.messages - earlier.messages,
            message_words: self.message_words - earlier.message_words,
            passes: self.passes - earlier.passes,
            overlapped_passes: self.overlapped_passes - earlier.overlapped_passes,
            products: self.products - earlier.products,
            product_bytes: self.product_bytes - earlier.product_bytes,
            sweep_bytes: self.sweep_bytes - earlier.sweep_bytes,
            preconditioned: self.preconditioned - earlier.preconditioned,
            setup_collectives: self.setup_collectives - earlier.setup_collectives,
        }
    }
}

/// The running totals of one rank.
#[derive(Debug, Default)]
pub struct Profile {
    seconds: Cell<[f64; Phase::ALL.len()]>,
    hidden_seconds: Cell<f64>,
    counts: Cell<Counts>,
}

impl Profile {
    /// Seconds spent per phase so far, in the order of [`Phase::ALL`].
    pub fn seconds(&self) -> [f64; Phase::ALL.len()] {
        self.seconds.get()
    }

    /// Seconds for which sums were in flight while this rank did something else: from the end of their start until a poll
    /// found them complete, or the rank began to wait. What of [`Phase::Sum`] these sums needed besides was exposed.
    ///
    /// Completion is seen at polls only, so this may be too much by the time between two of them.
    pub fn hidden_sum_seconds(&self) -> f64 {
        self.hidden_seconds.get()
    }

    /// Counts so far.
    pub fn counts(&self) -> Counts {
        self.counts.get()
    }

    pub(crate) fn add_seconds(&self, phase: Phase, spent: f64) {
        let mut seconds = self.seconds.get();
        seconds[phase as usize] += spent;
        self.seconds.set(seconds);
    }

    pub(super) fn add_hidden_seconds(&self, hidden: f64) {
        self.hidden_seconds.set(self.hidden_seconds.get() + hidden);
    }

    pub(crate) fn count(&self, change: impl FnOnce(&mut Counts)) {
        let mut counts = self.counts.get();
        change(&mut counts);
        self.counts.set(counts);
    }
}
