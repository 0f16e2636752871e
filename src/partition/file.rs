//! Owners from a file: one number per line, in row order.

use crate::comm::Comm;
use crate::error::{Error, Result};
use crate::problem::EvenSplit;
use crate::problem::matrix_market::shown;
use std::path::Path;

/// Owners of this rank's even share; rank 0 reads. Collective.
pub(super) fn read(comm: &Comm, split: EvenSplit, path: &Path) -> Result<Vec<u32>> {
    let owners = comm.agree(if comm.is_root() { parse(path, split) } else { Ok(Vec::new()) })?;
    Ok(deal(comm, split, &owners))
}

/// Rank 0's list in even shares. Collective.
pub(super) fn deal(comm: &Comm, split: EvenSplit, whole: &[u32]) -> Vec<u32> {
    let shares = if comm.is_root() {
        let share = |rank| split.share(rank).start as usize..split.share(rank).end as usize;
        (0..comm.size()).map(|rank| (rank, whole[share(rank)].to_vec())).collect()
    } else {
        Vec::new()
    };
    comm.sparse_exchange(shares).pop().expect("rank 0 sends to every rank").1
}

fn parse(path: &Path, split: EvenSplit) -> Result<Vec<u32>> {
    let bytes = std::fs::read(path).map_err(|cause| Error::io("read it", path, &cause))?;
    let text = String::from_utf8_lossy(&bytes);
    let file = path.display();
    let mut owners = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['%', '#']) {
            continue;
        }
        match line.parse::<u32>() {
            Ok(owner) if (owner as usize) < split.ranks => owners.push(owner),
            Ok(owner) => {
                return Err(Error::input(format!(
                    "{file}:{}: owner {owner}, but this run has ranks 0 ... {}: run it on more ranks or make the partition for {}",
                    number + 1,
                    split.ranks - 1,
                    split.ranks
                )));
            }
            Err(_) => {
                let shown = shown(line.as_bytes());
                return Err(Error::input(format!("{file}:{}: {shown} is not a rank number", number + 1)));
            }
        }
    }
    if owners.len() as u64 != split.n {
        return Err(Error::input(format!(
            "{file}: {} owners for {} rows: it must hold one owner per row",
            owners.len(),
            split.n
        )));
    }
    Ok(owners)
}
