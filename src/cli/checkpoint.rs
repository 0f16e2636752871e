//! Options of checkpoints and time limits.

use super::values::positive;
use crate::error::{Error, Result};
use crate::pipeline::{Checkpointing, Every};
use clap::Args;
use std::path::PathBuf;

/// How a long solve is kept from being lost.
#[derive(Args, Debug)]
pub struct CheckpointArgs {
    /// Save the state of the solve to this file now and then, and when a limit or a signal ends it
    #[arg(long, value_name = "FILE", help_heading = "Checkpoints")]
    pub checkpoint: Option<PathBuf>,
    /// How often: seconds (60s) or iterations (500it) [default: 600s]
    #[arg(long, value_name = "PERIOD", value_parser = every, help_heading = "Checkpoints")]
    pub checkpoint_every: Option<Every>,
    /// Go on from a checkpoint, on any number of ranks
    #[arg(long, value_name = "FILE", conflicts_with = "x0", help_heading = "Checkpoints")]
    pub restart: Option<PathBuf>,
    /// End the solve so many seconds after the start of the program
    #[arg(long, value_name = "T", allow_negative_numbers = true, value_parser = positive, help_heading = "Stopping")]
    pub max_seconds: Option<f64>,
}

impl CheckpointArgs {
    pub(super) fn checkpointing(self) -> Result<Checkpointing> {
        if self.checkpoint_every.is_some() && self.checkpoint.is_none() {
            return Err(Error::usage("--checkpoint-every needs --checkpoint FILE"));
        }
        Ok(Checkpointing {
            file: self.checkpoint,
            every: self.checkpoint_every.unwrap_or_default(),
            restart: self.restart,
            max_seconds: self.max_seconds,
        })
    }
}

fn every(text: &str) -> std::result::Result<Every, String> {
    let iterations = || text.strip_suffix("it").and_then(|count| count.parse().ok()).filter(|&count| count > 0);
    let seconds = || text.strip_suffix('s').and_then(|seconds| positive(seconds).ok());
    iterations()
        .map(Every::Iterations)
        .or_else(|| seconds().map(Every::Seconds))
        .ok_or_else(|| "use seconds, as in 60s, or iterations, as in 500it".into())
}
