//! What stands beside a solve: sees every iterate, may save the state, may end it.

use super::driver::Snapshot;
use super::saved::Saved;
use super::{Reason, Settings};
use crate::distributed::Layout;

/// Who watches over a solve. Every method is called on every rank, at the same iterates.
pub trait Watch {
    /// Sees an iterate whose scalars are known.
    fn observe(&mut self, snapshot: Snapshot);

    /// Asked between two iterations what is to be done before iterate `iteration` is measured. The answer must be the
    /// same on every rank: from what all of them know, such as [`Comm::heard`](crate::comm::Comm::heard).
    fn turn(&mut self, _iteration: u64, _settings: &Settings) -> Turn {
        Turn::default()
    }

    /// Gets the state that was asked for. Collective.
    fn save(&mut self, _layout: &Layout, _saved: Saved) {}
}

/// What is to be done between two iterations.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Turn {
    /// Hand the state to [`Watch::save`].
    pub save: bool,
    /// End the solve with the next iterate, for this reason, if it does not end for another one.
    pub end: Option<Reason>,
}

/// What a solve begins from.
#[non_exhaustive]
pub enum Begin<'a> {
    /// An initial guess on owned rows, zero if None.
    At(Option<&'a [f64]>),
    /// A saved state, with the same A, b, method, and M.
    From(Saved),
    /// The iterate and the history of a saved state, but no more: for another M, with which its directions
    /// have no meaning.
    Anew(Saved),
}

/// Watches without a wish.
pub(super) struct OnlyObserve<F>(pub(super) F);

impl<F: FnMut(Snapshot)> Watch for OnlyObserve<F> {
    fn observe(&mut self, snapshot: Snapshot) {
        (self.0)(snapshot);
    }
}
