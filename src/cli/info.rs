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
    /// Draw where the entries are (.png)
    #[arg(long, value_name = "FILE", value_parser = png)]
    pub spy: Option<PathBuf>,
    /// Write the answers as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

impl InfoOptions {
    pub(super) fn job(self, source: Source, partition: Partition) -> InfoJob {
        InfoJob { source, partition, iterations: self.iterations, spy: self.spy, json: self.json }
    }
}
