//! Failures on purpose, to test what follows from them. Without the feature `faults` nothing here does anything.
//!
//! `HALOCG_FAULT="RANK STAGE KIND"` lets one rank fail in one stage of a run. Stages are `load`, `partition`,
//! `distribute`, `preconditioner`, `vectors`, `restart`, `solve:K` (before iterate K is measured), `checkpoint`, `write` (of a
//! checkpoint's bytes), `output`. Kinds are
//! `panic`; `memory`, an allocation that the system refuses; `kill`, as the system would kill the process; and `io`:
//! what the rank brings to the first agreement of the stage is an error of its own.
//!
//! A program may also have a bit of a method's vector flipped: `Flip`.

use crate::error::Result;

/// When within an iteration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Before its scalars are summed and its products taken.
    BeforeProducts,
    /// Then, before the vectors are updated.
    AfterProducts,
}

/// A bit to be flipped, as a cosmic ray would do it.
#[cfg(feature = "faults")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flip {
    /// k.
    pub iteration: u64,
    /// When within it.
    pub moment: Moment,
    /// The vector's letter: of those that the method carries from one iterate to the next.
    pub vector: &'static str,
    /// Which of the rank's own rows.
    pub row: usize,
    /// 0 ... 51: mantissa, 52 ... 62: exponent, 63: sign.
    pub bit: u32,
}

#[cfg(feature = "faults")]
impl Flip {
    /// Flips the bit.
    pub fn apply(&self, number: &mut f64) {
        *number = f64::from_bits(number.to_bits() ^ (1 << self.bit));
    }

    /// Lets it happen, once, in the next solve of this thread's rank that gets there; any flip before is forgotten.
    pub fn plan(flip: Option<Flip>) {
        injected::FLIP.set(flip);
    }
}

/// The flip that is due now on this rank.
#[cfg(feature = "faults")]
pub(crate) fn flip_due(iteration: u64, moment: Moment) -> Option<Flip> {
    let due = injected::FLIP.get().filter(|flip| (flip.iteration, flip.moment) == (iteration, moment));
    if due.is_some() {
        injected::FLIP.set(None);
    }
    due
}

#[cfg(feature = "faults")]
mod injected {
    use crate::error::{Error, ExitCode};
    use std::cell::Cell;
    use std::sync::LazyLock;

    struct Fault {
        rank: usize,
        stage: String,
        kind: String,
    }

    static FAULT: LazyLock<Option<Fault>> = LazyLock::new(|| {
        let text = std::env::var("HALOCG_FAULT").ok()?;
        let words: Vec<&str> = text.split(' ').collect();
        let [rank, stage, kind] = words[..] else { panic!("HALOCG_FAULT is not RANK STAGE KIND: {text}") };
        Some(Fault { rank: rank.parse().expect("a rank"), stage: stage.into(), kind: kind.into() })
    });

    thread_local! {
        /// Ranks may be threads.
        static ERROR_IS_DUE: Cell<bool> = const { Cell::new(false) };
        pub(super) static FLIP: Cell<Option<super::Flip>> = const { Cell::new(None) };
    }

    /// Without a fault an iteration is to allocate nothing.
    pub(super) fn is_planned() -> bool {
        FAULT.is_some()
    }

    pub(super) fn enter(rank: usize, stage: &str) {
        ERROR_IS_DUE.set(false);
        let Some(fault) = FAULT.as_ref().filter(|fault| fault.rank == rank && fault.stage == stage) else {
            return;
        };
        match &fault.kind[..] {
            "panic" => panic!("a panic on purpose in stage {stage}"),
            // More than any address space has.
            "memory" => drop(std::hint::black_box(Vec::<u8>::with_capacity(1 << 60))),
            "kill" => {
                let id = std::process::id().to_string();
                // (Of the shell's own: a program of this name is not on every machine.)
                std::process::Command::new("sh").args(["-c", "kill -KILL $0", &id]).status().expect("a shell");
            }
            "io" => ERROR_IS_DUE.set(true),
            kind => panic!("no such kind of fault: {kind}"),
        }
    }

    pub(super) fn error() -> Option<Error> {
        ERROR_IS_DUE.replace(false).then(|| Error::new(ExitCode::Internal, "an input or output error on purpose"))
    }
}

/// This rank begins a stage.
#[inline(always)]
pub fn enter(_rank: usize, _stage: &str) {
    #[cfg(feature = "faults")]
    injected::enter(_rank, _stage);
}

/// This rank is about to measure an iterate.
#[inline(always)]
pub fn enter_iteration(_rank: usize, _iteration: u64) {
    #[cfg(feature = "faults")]
    if injected::is_planned() {
        injected::enter(_rank, &format!("solve:{_iteration}"));
    }
}

/// What this rank brings to an agreement: `result`, or the error that is due.
#[inline(always)]
pub fn instead_of<T>(result: Result<T>) -> Result<T> {
    #[cfg(feature = "faults")]
    if let Some(error) = injected::error() {
        return Err(error);
    }
    result
}
