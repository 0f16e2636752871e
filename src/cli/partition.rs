//! Options of a partition made beforehand.

use super::values::*;
use crate::partition::Partition;
use crate::pipeline::PartitionJob;
use crate::problem::Source;
use clap::Args;
use std::path::PathBuf;

/// A partition for a later run, on any number of ranks now.
#[derive(Args, Debug)]
pub struct PartitionOptions {
    /// Number of parts: the ranks of the later run
    #[arg(long, short = 'k', value_name = "K", required = true, value_parser = clap::value_parser!(u32).range(1..=16_777_216))]
    pub parts: Option<u32>,
    /// How: metis (default), blocks, boxes (default for poisson, only there), rcb (poisson and meshes), or file:PATH
    #[arg(long, value_parser = partition)]
    pub partition: Option<Partition>,
    /// Write the part of every row, for --partition file:PATH
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Draw who would send how many words to whom (.svg or .png)
    #[arg(long, value_name = "FILE", value_parser = picture)]
    pub comm_matrix: Option<PathBuf>,
    /// Write the report as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

impl PartitionOptions {
    pub(super) fn job(self, source: Source, partition: Partition) -> PartitionJob {
        PartitionJob {
            source,
            parts: self.parts.expect("required") as usize,
            partition: self.partition.unwrap_or(partition),
            output: self.output,
            comm_matrix: self.comm_matrix,
            json: self.json,
        }
    }
}
