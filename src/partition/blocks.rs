//! Contiguous rows, balanced by nonzeros.

use super::prefix;
use crate::comm::Comm;
use crate::problem::Rows;

/// Parts of this rank's even share: a row goes to the part in whose equal share of all entries its middle lies. Collective.
pub(super) fn assign(comm: &Comm, rows: &Rows, parts: usize) -> Vec<u32> {
    // An empty row weighs something too: it must have an owner.
    let weight = |k: usize| (rows.starts[k + 1] - rows.starts[k]).max(1) as u64;
    let (mut before, total) = prefix(comm, (0..rows.len()).map(weight).sum());
    (0..rows.len())
        .map(|k| {
            let middle = 2 * before as u128 + weight(k) as u128;
            before += weight(k);
            (middle * parts as u128 / (2 * total as u128)) as u32
        })
        .collect()
}
