//! Options of a prediction.

use super::values::*;
use crate::krylov::Preconditioning;
use crate::partition::Partition;
use crate::performance::Network;
use crate::pipeline::PredictJob;
use crate::problem::Source;
use clap::Args;
use std::path::PathBuf;

/// Time per iteration on more ranks, by the performance model.
#[derive(Args, Debug)]
pub struct PredictOptions {
    /// The machine, as halocg machine --json has written it
    #[arg(long, value_name = "FILE", required = true)]
    pub machine: Option<PathBuf>,
    /// The largest number of ranks; the table has 1, 2, 4 and so on
    #[arg(long, value_name = "P", default_value = "1024", value_parser = clap::value_parser!(u32).range(1..=1_048_576))]
    pub ranks: u32,
    /// Microseconds of a message over the network that joins groups of ranks like the measured one
    #[arg(long, value_name = "US", value_parser = positive)]
    pub hop_us: Option<f64>,
    /// What one rank can send over that network, 1e9 bytes per second
    #[arg(long, value_name = "GB/S", default_value = "1", value_parser = positive, requires = "hop_us")]
    pub gigabytes_per_second: f64,
    /// Preconditioner; the model knows diagonal ones only
    #[arg(long, value_enum, default_value = "none")]
    pub pc: PredictedPc,
    /// Who owns which row: metis (default), blocks, boxes (default for poisson, only there)
    #[arg(long, value_parser = partition)]
    pub partition: Option<Partition>,
}

/// Preconditioners that the model knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum PredictedPc {
    /// None.
    None,
    /// The diagonal.
    Jacobi,
}

impl PredictOptions {
    pub(super) fn job(self, source: Source, partition: Partition) -> PredictJob {
        PredictJob {
            source,
            machine: self.machine.expect("required"),
            network: self
                .hop_us
                .map(|hop| Network { hop_seconds: 1e-6 * hop, bytes_per_second: 1e9 * self.gigabytes_per_second }),
            ranks: self.ranks as usize,
            partition: self.partition.unwrap_or(partition),
            preconditioning: match self.pc {
                PredictedPc::None => Preconditioning::None,
                PredictedPc::Jacobi => Preconditioning::Diagonal,
            },
        }
    }
}
