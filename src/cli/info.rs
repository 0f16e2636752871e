//! Options of a look at a matrix.

use super::values::png;
use crate::partition::Partition;
use crate::pipeline::InfoJob;
use crate::problem::Source;
use clap::Args;
use std::path::PathBuf;

/// What to ask of a matrix.
#[derive(Args, Debug)]
pub struct InfoOptions {
    /// Iterations that estimate the spectrum, with and without the diagonal as preconditioner; 0 leaves it out
    #[arg(long, value_name = "K", default_value = "100")]
    pub iterations: u64,
    /// Say what memory this number of ranks needs, besides powers of 4
    #[arg(long, value_name = "P", value_parser = clap::value_parser!(u32).range(1..))]
    pub ranks: Option<u32>,
    /// Draw where the entries are (.png)
    #[arg(long, value_name = "FILE", value_parser = png)]
    pub spy: Option<PathBuf>,
    /// Write the answers as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

impl InfoOptions {
    pub(super) fn job(self, source: Source, partition: Partition) -> InfoJob {
        let InfoOptions { iterations, ranks, spy, json } = self;
        InfoJob { source, partition, iterations, ranks, spy, json }
    }
}
